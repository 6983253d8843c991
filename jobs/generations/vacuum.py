"""Remove old generations of the index, and files that nothing refers to."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from jobs.pipeline.runs import recorded

if TYPE_CHECKING:
    from jobs.pipeline.config import Pipeline


@recorded
def run(pipeline: Pipeline) -> None:
    """Vacuum the index of a pipeline.

    Raises:
        InvalidInputError: If there is no index.
    """
    import indexer

    config, root = pipeline.vacuum, pipeline.paths.index
    removed = indexer.open(root).vacuum(config.keep, older_than_s=3600 * config.older_than_h)
    print(
        f"vacuum: {removed.generations} generations, {removed.files} files of {removed.bytes:,} bytes, "
        f"{removed.unfinished} unfinished files removed -> {root}"
    )


if __name__ == "__main__":
    from jobs import cli

    sys.exit(cli.main(["vacuum", *sys.argv[1:]]))
