"""Judging a ranking: measures and their protocols, ties, and classification by neighbors."""
