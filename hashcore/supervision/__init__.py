"""What a training is told: labels, judged pairs and triplets, and the batches drawn from them."""
