"""What several classical hashes share: boosting, canonical correlations, pairs, projections, thresholds."""
