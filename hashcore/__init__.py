"""Learned binary codes: packing, Hamming kernels, measures, networks, losses and training."""
