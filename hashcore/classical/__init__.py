"""Classical hashes, one file each, fitted alike: `fit(items, code_length, [labels,] *, seed, modality) -> Hasher`."""
