"""The engine without a cluster: one task after another in this process, without Java."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from jobs.engine.tasks import Result, Task, TaskFailed, failed, run_task
from jobs.telemetry import run_notes


class ProcessEngine:
    """Runs tasks here, in their order."""

    def map_tasks(
        self, function: Callable[[Task], Result], tasks: Sequence[Task], label: str = "tasks", gpus: float = 0
    ) -> list[Result]:
        """Do what `Engine.map_tasks` says; a GPU that this process has is not shared."""
        del gpus
        try:
            with run_notes.stage(label):
                return [run_task(function, task, number, len(tasks)) for number, task in enumerate(tasks)]
        except TaskFailed as error:
            raise failed(label, str(error)) from error.__cause__

    def slots(self) -> int:
        """Return 1."""
        return 1
