"""Codes and corpora to measure with."""
