"""Parts of several classical hashes: boosting, projections, thresholds."""
