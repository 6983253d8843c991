"""Losses on projections, one file each, all with one signature: `loss(f, g, relations, *, …) -> scalar`."""
