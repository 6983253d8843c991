"""Parquet files as Arrow reads and writes them: with checksums of pages, and its errors in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hashcore.errors import HashcoreError, InvalidInputError, one_line


def checksums(option: str) -> dict[str, bool]:
    """Return the option by which pages are read or written with checksums; none for pyarrow 14, which has no such."""
    import pyarrow as pa

    return {option: True} if int(pa.__version__.partition(".")[0]) > 14 else {}


@contextmanager
def readable(
    source: str, wrong: str = "cannot be read as parquet", remedy: str = "mend it, or correct the path"
) -> Iterator[None]:
    """Say in one line what Arrow cannot read, what is wrong with it, and what to do.

    Raises:
        InvalidInputError: With the beginning of what Arrow says.
    """
    import pyarrow as pa

    try:
        yield
    except HashcoreError:
        raise
    except (pa.ArrowException, OSError) as error:
        raise InvalidInputError(f"{source} {wrong} ({one_line(error)}); {remedy}") from None
