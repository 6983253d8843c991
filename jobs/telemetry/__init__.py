"""What a job tells while it runs and afterwards: progress, run records, metrics."""
