"""Engines, which run the tasks of a stage: Spark, with its memory, GPUs and interruptions, or this process."""
