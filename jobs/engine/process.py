"""The engine without a cluster: one task after another in this process, each with all cores, without Java."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from jobs.engine.tasks import Result, Task, TaskFailed, failed, run_task
from jobs.telemetry import run_notes
from jobs.telemetry.progress import Progress


class ProcessEngine:
    """Runs tasks here, in their order."""

    def map_tasks(
        self, function: Callable[[Task], Result], tasks: Sequence[Task], label: str = "tasks", gpus: float = 0
    ) -> list[Result]:
        """Do what `Engine.map_tasks` says; a GPU that this process has is not shared."""
        del gpus
        try:
            with run_notes.stage(label):
                return list(_results(function, tasks, label))
        except TaskFailed as error:
            raise failed(label, str(error)) from error.__cause__


def _results(function: Callable[[Task], Result], tasks: Sequence[Task], label: str) -> Iterator[Result]:
    """Yield the results of all tasks, and show how many are done."""
    with Progress(label, total=len(tasks), unit="tasks") as progress:
        for number, task in enumerate(tasks):
            yield run_task(function, task, number, len(tasks))
            progress.advance()
