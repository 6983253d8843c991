"""Exact Hamming search over sharded multi-index hash tables in files."""
