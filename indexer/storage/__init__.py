"""Where an index lives: a directory or S3 behind one protocol, a cache of copies, and locks."""
