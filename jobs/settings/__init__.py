"""What users set: the text of a pipeline's file, and environment variables."""
