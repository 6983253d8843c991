"""The parts of a hasher: its modalities, its quantization, its files, and the outcome of its training."""
