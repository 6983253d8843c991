"""Formats of corpora, a file each: how a corpus is opened into parts, and how a part is read."""
