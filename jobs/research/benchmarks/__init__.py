"""Benchmarks: the same work by us and by a peer, in one run, on the same data, results asserted equal first."""
