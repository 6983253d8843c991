"""This machine: what it has, what it does a second, and what an index would cost on machines like it."""
