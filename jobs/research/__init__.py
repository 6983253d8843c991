"""Research: benchmarks beside peers, and the papers' tables run anew; no other room of jobs imports it."""
