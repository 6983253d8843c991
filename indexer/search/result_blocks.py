"""Answers of bounded size: queries are searched in blocks, and after one that does not fit, in blocks that will."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hashcore.errors import InvalidInputError
from hashcore.neighbors import Neighbors

MAX_RESULT_BYTES = 2 << 30
ROW_BYTES = 48  # of an answer, while it is being put in order
QUERIES_AT_ONCE = 1 << 20
SHRINK = 16  # a block that was refused costs a search: the next one is sure to be smaller, and tells how many fit
FILL = 0.8


def search_blocks(
    search: Callable[[slice, int], Neighbors | None], queries: int, max_bytes: int
) -> Iterator[tuple[int, Neighbors]]:
    """Yield the number of a block's first query and the block's answer, block by block.

    Args:
        search: Answers the queries of a slice; None where the answer would have more rows than its second argument.
        queries: Number of queries.
        max_bytes: Memory that one block's answer may take while it is put in order.

    Raises:
        InvalidInputError: If one query alone has more neighbors than fit.
    """
    start, block, most_rows = 0, QUERIES_AT_ONCE, max_bytes // ROW_BYTES
    while start < queries:
        stop = min(start + block, queries)
        found = search(slice(start, stop), most_rows)
        if found is not None:
            yield start, found
            start, block = stop, _fitting(found, most_rows)
        elif stop - start > 1:
            block = max((stop - start) // SHRINK, 1)
        else:
            raise InvalidInputError(
                f"query {start} has more than {most_rows} neighbors, beyond max_bytes={max_bytes}; "
                "use a smaller radius or more memory"
            )


def _fitting(found: Neighbors, most_rows: int) -> int:
    """Return how many queries like those of an answer leave some room among `most_rows`; not far more than those."""
    like = int(FILL * most_rows * len(found) / max(len(found.ids), 1))
    return max(1, min(like, SHRINK * len(found), QUERIES_AT_ONCE))
