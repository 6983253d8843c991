"""The search of one shard: plans, dense and sparse searchers, answers of bounded size, explanations."""
