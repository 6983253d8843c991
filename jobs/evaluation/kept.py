"""Keep task results until the evaluation ends, so that a restart repeats none.

A file is named by a digest of its inputs, so it stays valid when shard numbers or generations change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from zipfile import BadZipFile

import numpy as np

from hashcore.neighbors import Neighbors
from hashcore.storage import files
from jobs.config.fingerprint import digest
from jobs.evaluation.distinct import Part, count_part
from jobs.evaluation.tally import Tally, Task, merge, tally

RunTasks = Callable[[Callable[[Any], Any], Sequence[Any]], list[Any]]


@dataclass(frozen=True)
class Kept:
    """Results of tasks in a folder; without one nothing is kept."""

    folder: str | None = None

    def total(self, run_tasks: RunTasks, tasks: Sequence[Task]) -> Tally:
        """Return the tally of all tasks of a block of queries together; their own give way to it."""
        content = "-".join(task.content for task in tasks)
        name, k = _name(tasks[0], content), tasks[0].k
        found = self._read(name)
        if found is None:
            found = merge(run_tasks(self.tally, tasks), k)
            self._write(name, found)
            if self.folder is not None and len(tasks) > 1:
                for task in tasks:
                    files.remove(files.join(self.folder, _name(task, task.content)))
        return found

    def tally(self, task: Task) -> Tally:
        """Return the tally of a task."""
        name = _name(task, task.content)
        found = self._read(name)
        if found is None:
            found = tally(task)
            self._write(name, found)
        return found

    def count(self, task: Part) -> int:
        """Return the number of different codes in a part."""
        path = self.folder and files.join(self.folder, f"distinct-{task.part}-of-{task.parts}.txt")
        content = files.read_bytes(path) if path else None
        if content:
            return int(content)
        found = count_part(task)
        if path:
            files.write_bytes(path, str(found).encode())
        return found

    def _write(self, name: str, found: Tally) -> None:
        """Keep a tally."""
        if self.folder is None:
            return
        neighbors, file = found.neighbors, BytesIO()
        np.savez(
            file,
            all_counts=found.all_counts,
            relevant_counts=found.relevant_counts,
            offsets=neighbors.offsets,
            ids=neighbors.ids,
            distances=neighbors.distances,
            relevant=found.relevant,
            classes=found.classes,
            one_label_each=found.one_label_each,
            itself=found.itself,
        )
        files.write_bytes(files.join(self.folder, name), file.getvalue())

    def _read(self, name: str) -> Tally | None:
        """Return a tally that was kept, None where there is none that is whole."""
        content = self.folder and files.read_bytes(files.join(self.folder, name))
        try:
            with np.load(BytesIO(content or b""), allow_pickle=False) as arrays:
                neighbors = Neighbors(arrays["offsets"], arrays["ids"], arrays["distances"])
                counts, seen = (
                    (arrays["all_counts"], arrays["relevant_counts"]),
                    (arrays["relevant"], arrays["classes"]),
                )
                return Tally(*counts, neighbors, *seen, bool(arrays["one_label_each"]), arrays["itself"])
        except (EOFError, ValueError, KeyError, BadZipFile):
            return None


def _name(task: Task, content: str) -> str:
    """Return the name of the tally of a block of queries over some shards."""
    return f"{digest([task.queries.content(), task.k, task.exclude_self, content])}.npz"
