"""Benchmarks and the papers' tables: what the product is measured by, apart from the product."""
