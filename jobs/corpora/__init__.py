"""Corpora of images, features and tags: found, read and encoded."""
