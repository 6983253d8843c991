"""Hashes of two modalities of the same things, fitted together."""
