"""Global figures of quality: tallies of each task, merged and measured."""
