"""Supervision: labels, judged pairs and triplets, and the batches drawn from them."""
