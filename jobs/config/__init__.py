"""One YAML file describes one pipeline: a section for each job, paths, options, and environment variables."""
