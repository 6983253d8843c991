"""The verdict on what was found in a corpus: whether it becomes an output, and what is to be said of it."""

from __future__ import annotations

import logging
import math

from hashcore.errors import InvalidInputError
from hashcore.storage import files
from jobs.corpora.encode_task import Counts
from jobs.corpora.ids import Kind, difference, listed, read_ids
from jobs.stages import distinct
from jobs.stages.rejects import Rejects

log = logging.getLogger(__name__)


def judge(
    found: Rejects, good: int, *, source: str, key: str, limit: float, place: str, at_least: bool = False
) -> None:
    """Raise InvalidInputError if too many rows of a corpus are bad.

    Args:
        found: The bad ones.
        good: How many are good.
        source: The corpus, for the message.
        key: Of the configuration, which says the largest share.
        limit: That share.
        place: Where the bad rows are kept.
        at_least: Whether there may be more of them that were not looked at.
    """
    rows = good + found.rows
    if found.rows <= limit * rows and good:
        return
    what_next = "mend them"
    if good >= found.rows and not at_least:  # what is left of fewer would hardly be what is wanted
        what_next += f", or go on without them by --set {key}={math.ceil(1000 * found.rows / rows) / 1000:g}"
    raise InvalidInputError(
        f"{source}: {'at least ' if at_least else ''}{found.rows} of {rows} rows are bad, more than {key}={limit:g}: "
        f"{found.told()}; all are listed in {place}; {what_next}"
    )


def judge_encoded(counts: Counts, source: str, id_column: str, only_ids: str | None) -> None:
    """Raise InvalidInputError if a corpus has null ids, or no rows at all."""
    if counts.null_ids:
        raise InvalidInputError(f"{source}: {counts.null_ids} ids in {id_column} are null; give every row one")
    if counts.encoded + counts.rejected == 0:
        if only_ids is not None:
            absent = read_ids(only_ids, "id", None)
            raise InvalidInputError(
                f"{source} has none of the {len(absent)} ids of encode.only_ids={only_ids}, such as {listed(absent)}; "
                f"give ids of its column {id_column}"
            )
        raise InvalidInputError(f"{source} is empty; give a corpus with at least one row")


def tell_absent(only_ids: str, folder: str, parts: tuple[str, ...], source: str, kind: Kind) -> None:
    """Say which of the ids that were asked for, of some type, the corpus does not have."""
    held = [files.join(folder, part) for part in parts if files.listing(files.join(folder, part))]
    absent = difference(read_ids(only_ids, "id", kind), [read_ids(part, "id", kind) for part in held])
    if len(absent):
        log.warning("%s has not %d of the ids of encode.only_ids=%s: %s", source, len(absent), only_ids, listed(absent))


def tell_few(codes: int, rows: int, code_length: int, what: str) -> None:
    """Say that there are few distinct codes, if so."""
    text = distinct.told(codes, rows, code_length)
    if text:
        log.warning("%s: %s; train another hasher, and look at what the line of train says it learned", what, text)
