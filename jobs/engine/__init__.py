"""Who runs the tasks of a stage: Spark, its memory, its GPUs, its interruptions."""
