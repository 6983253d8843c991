"""Places by path or URI, and the one client of S3."""
