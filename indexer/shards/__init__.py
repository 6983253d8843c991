"""One shard: its file, its rows, how it is built, checked, opened and searched."""
