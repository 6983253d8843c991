"""Results of tasks, kept as files until their job ends, so that the run after a kill repeats none."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass
from functools import partial
from io import BytesIO
from typing import IO, Any, Generic, Protocol, TypeVar, get_type_hints
from zipfile import BadZipFile

import numpy as np
from pydantic import TypeAdapter

from hashcore.errors import OutputError
from hashcore.storage import files
from jobs.engine.tasks import Engine
from jobs.stages import outputs

Task = TypeVar("Task")
Result = TypeVar("Result")

ENTRIES = ".entries"
NOT_WHOLE = (EOFError, ValueError, KeyError, BadZipFile)  # what a power cut left


class Codec(Protocol[Result]):
    """A codec writes a result to a file, and reads it back."""

    @property
    def suffix(self) -> str:
        """End of the file's name."""

    def save(self, result: Result, file: IO[bytes]) -> None:
        """Write a result."""

    def load(self, content: bytes) -> Result:
        """Return the result that a file holds; an error of NOT_WHOLE where it is not whole."""


@dataclass(frozen=True)
class Json(Generic[Result]):
    """Numbers, models, and dataclasses and named tuples of them, as JSON."""

    of: type[Result]
    suffix: str = ".json"

    def save(self, result: Result, file: IO[bytes]) -> None:
        """Write a result."""
        file.write(TypeAdapter(self.of).dump_json(result))

    def load(self, content: bytes) -> Result:
        """Return the result that a file holds."""
        return TypeAdapter(self.of).validate_json(content)


@dataclass(frozen=True)
class Arrays(Generic[Result]):
    """A dataclass of arrays, flags and such dataclasses, as an archive of numpy's."""

    of: type[Result]
    suffix: str = ".npz"

    def save(self, result: Result, file: IO[bytes]) -> None:
        """Write a result."""
        arrays: dict[str, Any] = dict(_flat(result))
        np.savez(file, **arrays)

    def load(self, content: bytes) -> Result:
        """Return the result that a file holds."""
        with np.load(BytesIO(content), allow_pickle=False) as arrays:
            found: Result = _built(self.of, dict(arrays))
        return found


def _flat(result: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the arrays of a dataclass by dotted names."""
    for field in fields(result):
        value = getattr(result, field.name)
        if is_dataclass(value):
            yield from _flat(value, f"{prefix}{field.name}.")
        else:
            yield prefix + field.name, value


def _built(kind: Any, arrays: dict[str, Any], prefix: str = "") -> Any:
    """Return the dataclass whose arrays have dotted names."""
    values = {}
    for name, hint in get_type_hints(kind).items():
        if is_dataclass(hint):
            values[name] = _built(hint, arrays, f"{prefix}{name}.")
        else:
            array = arrays[prefix + name]
            values[name] = array if array.ndim else array.item()
    return kind(**values)


def kept(folder: str | None, name: str, codec: Codec[Result], compute: Callable[[], Result]) -> Result:
    """Return the result that a killed run has kept under a name, else compute and keep it; without a folder keep none.

    Raises:
        OutputError: If it cannot be written.
    """
    if folder is None:
        return compute()
    path = files.join(folder, name + codec.suffix)
    with suppress(*NOT_WHOLE):
        return codec.load(files.read_bytes(path) or b"")
    result = compute()
    try:
        with outputs.attempt(path, folder) as own, open(own, "wb") as file:
            codec.save(result, file)
    except OutputError as error:
        if error.errno != errno.ENOENT:  # another run of the same job has ended, and removed the folder
            raise
    return result


def map_kept(
    engine: Engine,
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    folder: str | None,
    *,
    name: Callable[[Task], str],
    codec: Codec[Result],
    label: str,
) -> list[Result]:
    """Apply a function to every task of which a folder does not keep the result yet; return all in the tasks' order.

    Args:
        engine: Who runs them.
        function: Pure.
        tasks: What `Engine.map_tasks` says of tasks, results and errors holds here too.
        folder: Of the results; none keeps nothing.
        name: Gives a result its name by its task: another one for whatever would give another result.
        codec: Of the files.
        label: Name of the stage, for people.
    """

    def run(task: Task) -> Result:
        return kept(folder, name(task), codec, partial(function, task))

    return engine.map_tasks(run, tasks, label)


def entries_folder(root: str, change: str) -> str:
    """Make the folder of what the finished tasks of one change of an index have built, and return it."""
    folder = files.join(root, f"{ENTRIES}-{change}")
    files.make_folder(folder)
    return folder


def numbered(task: tuple[int, Any]) -> str:
    """Return the name of what a numbered task has built."""
    return f"{task[0]:05}"
