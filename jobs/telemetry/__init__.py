"""Telemetry of jobs: progress, run records, metrics."""
