"""What every job stands on: one YAML file, its folders, outputs written once, Spark, progress."""
