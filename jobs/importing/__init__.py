"""Ready-made codes become a codes directory without a hasher: their formats, how their bits are read, and the verb."""
