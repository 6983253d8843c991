"""What a hasher reads: features, images and tag sets, and the columns that hold them."""
