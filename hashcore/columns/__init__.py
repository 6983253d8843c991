"""Columns of Arrow as ids, labels and items: one reading of every type that can hold them."""
