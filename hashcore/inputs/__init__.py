"""Inputs of a hasher: features, images and tag sets, and the columns that hold them."""
