"""Measures of a ranking, one file each; `hashcore.evaluation.measure.parse` finds them by their printed forms."""
