"""Storage of an index: a directory or S3 behind one protocol, files of arrays, and a cache of copies."""
