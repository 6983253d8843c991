"""Classical hashes, one file each, all fitted alike: `fit(items, code_length, *, seed) -> Hasher`."""
