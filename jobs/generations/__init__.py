"""The life of an index after its build: append, delete, compact, vacuum, verify, inspect."""
