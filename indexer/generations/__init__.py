"""Generations of an index: manifests, commits, and the changes that make one of another."""
