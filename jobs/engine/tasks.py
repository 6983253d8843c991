"""The one way work is spread: an engine maps a pure function over tasks, and who asked merges the results."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from hashcore.errors import HashcoreError, TaskError, one_line

Task = TypeVar("Task")
Result = TypeVar("Result")


class Engine(Protocol):
    """An engine runs the tasks of a stage."""

    def map_tasks(
        self, function: Callable[[Task], Result], tasks: Sequence[Task], label: str = "tasks", gpus: float = 0
    ) -> list[Result]:
        """Apply a function to every task and return the results in the order of the tasks.

        A task may run twice (retries, speculation): the function must be idempotent. Its result travels through the
        driver, so it is a summary; data goes to storage. Tasks and results must pickle.

        Args:
            function: Applied to each task, wherever it runs.
            tasks: One call of the function each.
            label: Name of the stage, for people.
            gpus: Share of a GPU that each task takes.

        Raises:
            HashcoreError: The first one that a task raised.
            TaskError: If a task failed otherwise, naming it and what it reads.
        """


class TaskFailed(Exception):  # noqa: N818 (what Spark's text is searched for)
    """A task failed in a way that another try may mend; an engine that tries again gives up at last."""


def run_task(function: Callable[[Task], Result], task: Task, number: int, count: int) -> Result:
    """Apply a function to one task; an error names the task, and the files and rows that it reads.

    Raises:
        HashcoreError: As the function raised it.
        TaskFailed: If the function failed otherwise.
    """
    inputs = ", ".join(_inputs(task))
    name = f"task {number + 1} of {count}" + (f", {inputs}" if inputs else "")
    try:
        return function(task)
    except HashcoreError as error:
        if inputs:
            error.args = (f"{error} ({name})",)
        raise
    except Exception as error:
        raise TaskFailed(f"{name}: {one_line(f'{type(error).__name__}: {error}', 300)}") from error


def failed(label: str, said: str) -> TaskError:
    """Return the error of a stage one of whose tasks failed, by what its TaskFailed says."""
    return TaskError(f"{label}: {said}; mend its cause and run again: what is done is kept")


def task_threads() -> int:
    """Return the threads that the running Spark task may use; 0, which means all, outside of one."""
    if "pyspark" not in sys.modules:
        return 0
    from pyspark import TaskContext

    task = TaskContext.get()
    return 0 if task is None else task.cpus()


def _inputs(task: Any) -> Iterator[str]:
    """Yield the files that a task reads with their rows, as far as it tells."""
    if hasattr(task, "inputs"):
        yield task.inputs
    elif hasattr(task, "path") and hasattr(task, "stop"):
        yield str(task)
    elif isinstance(task, tuple | list):
        for part in task:
            yield from _inputs(part)
