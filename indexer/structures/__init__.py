"""The index structures, one file each."""
