"""Discovery: what a file or a folder holds, by a look at it, and the pipeline file that would read it."""
