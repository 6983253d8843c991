"""Entry points: command line, spark-submit and Ray launches."""
