"""The sections of a pipeline's file, a model each: every key with its default, its unit and what it decides."""
