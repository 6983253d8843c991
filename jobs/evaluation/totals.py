"""The sums over a whole index, by an engine: what its tasks find is kept until the evaluation ends.

A file is named by a digest of its inputs, so it stays valid when shard numbers or generations change.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hashcore.storage import files
from jobs.config.fingerprint import digest
from jobs.engine.tasks import Engine
from jobs.evaluation.distinct import Part, count_part, parts_of
from jobs.evaluation.tally import Tally, Task, merge, tally
from jobs.stages.kept import Arrays, Json, kept, map_kept

if TYPE_CHECKING:
    from indexer import Index

LABEL = "evaluate"
TALLY, NUMBER = Arrays(Tally), Json(int)


def tally_all(engine: Engine, tasks: Sequence[Task], folder: str | None) -> Tally:
    """Return the tally of all tasks of a block of queries together; their own give way to it."""

    def count() -> Tally:
        return merge(map_kept(engine, tally, tasks, folder, name=_name, codec=TALLY, label=LABEL), tasks[0].k)

    found = kept(folder, _name(*tasks), TALLY, count)
    if folder is not None and len(tasks) > 1:
        for task in tasks:
            files.remove(files.join(folder, _name(task) + TALLY.suffix))
    return found


def count_distinct(engine: Engine, root: str, index: Index, folder: str | None) -> int:
    """Return the number of different codes in the index."""
    distinct = [shard.distinct for shard in index.shards]
    if len(distinct) == 1 and not index.shards[0].deleted:
        return int(distinct[0])
    parts = parts_of(root, index)
    return sum(map_kept(engine, count_part, parts, folder, name=_part_name, codec=NUMBER, label=LABEL))


def _name(*tasks: Task) -> str:
    """Return the name of the tally of a block of queries over the shards of some tasks."""
    content = "-".join(task.content for task in tasks)
    return digest([tasks[0].queries.content(), tasks[0].k, tasks[0].exclude_self, content])


def _part_name(part: Part) -> str:
    """Return the name of the number of different codes in a part."""
    return f"distinct-{part.part}-of-{part.parts}"
