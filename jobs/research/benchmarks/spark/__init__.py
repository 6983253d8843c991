"""Jobs on Spark against the same work without it."""
