"""The parts of a hasher: its modalities, its quantization, its files, and what it has learned."""
