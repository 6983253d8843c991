"""The question of a search, and what its answers carry until they are written."""
