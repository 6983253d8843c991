"""Losses on real projections f(x), one file each, all with one signature: `loss(projections, triplets) -> scalar`."""
