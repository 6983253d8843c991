"""Layers that several networks share, and the weights they begin with."""
