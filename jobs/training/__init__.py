"""Training on Ray: the rows, the workers, and how far they are."""
