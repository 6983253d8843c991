"""Outputs are written once: whole or not at all, with what made them recorded beside them, and never over another's.

A stage asks `is_finished(path, record)`, and if not, writes inside `writing(path, record)`, which moves the staged
directory or file into place at its end.
"""

from __future__ import annotations

import errno
import os
import tempfile
import uuid
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from hashcore.errors import HashcoreError, OutputError, TaskError, one_line
from hashcore.storage import files
from jobs.stages.claim import claimed
from jobs.stages.records import (
    HALF,
    RECORD,
    Record,
    difference,
    elsewhere,
    is_same,
    read,
    read_half,
    record_beside,
    text,
)
from jobs.telemetry import run_notes


def is_finished(path: str, wanted: Record) -> bool:
    """Return whether `path` holds exactly what `wanted` would make; False if there is nothing yet, or a half of it.

    Raises:
        OutputError: If it holds anything else: foreign files, or the output of another configuration or input.
    """
    if not files.exists(path) or (files.is_folder(path) and not _has_anything(path)):
        return False
    half, found = read_half(path), read(path)  # in this order: another run may write its record just now
    if found is None:
        if half is not None or read_half(path) is not None:
            return False
        raise OutputError(f"{path} holds files that this project did not write; give another place, or move them away")
    if not is_same(found, wanted):
        raise OutputError(
            f"{path} holds the output of another pipeline ({difference(found, wanted)}); remove it, or write elsewhere "
            f"by {elsewhere(path, wanted)}"
        )
    return True


def _has_anything(path: str) -> bool:
    """Return whether a folder holds anything, or more than a run that begins to write its record."""
    held = files.listing(path, deep=True) if files.is_uri(path) else os.listdir(path)
    return any(not name.startswith(f"{HALF}.") for name in held)


@contextmanager
def writing(path: str, made: Record, *, resumes: bool = False) -> Iterator[str]:
    """Give a place to write a directory or a file to, and move it to `path` when the block ends without an error.

    An error within the block leaves nothing, but for a failed task where the block `resumes`. What a killed run left is
    removed by the next one; where the block `resumes`, the staged directory is there from the start, with what a run
    of the same fingerprint had done. In an object store, where nothing can be moved, such a directory is staged in its
    place, and is half written until its record is there.

    Raises:
        OutputError: If the place cannot be written, or another run is writing it.
    """
    staging = _staging(path, resumes)
    with ExitStack() as held:
        with _writable(path):
            held.enter_context(claimed(staging, path))
            _begin(path, staging, made, resumes)
        try:
            yield staging
            _commit(staging, path, made)
            run_notes.writes(path, made.fingerprint)
        except Exception as error:
            is_kept = resumes and isinstance(error, TaskError)  # whose cause may be mended: finished tasks are kept
            is_committed = staging == path and read(path) is not None  # by another run of the same job
            if not is_kept and not is_committed:
                files.remove(staging)
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                raise _unwritable(path, error) from None
            raise


def _begin(path: str, staging: str, made: Record, resumes: bool) -> None:
    """Make the staged place, keeping what a killed run of the same job had done where the block resumes."""
    if not (resumes and is_same(read_half(path) if files.is_uri(path) else read(staging), made)):
        files.remove(staging)
    if resumes:
        files.make_folder(staging)
        files.write_bytes(files.join(staging, HALF if files.is_uri(path) else RECORD), text(made))
    else:
        os.makedirs(os.path.dirname(staging), exist_ok=True)
        Path(staging).touch()
        os.unlink(staging)


def _staging(path: str, resumes: bool) -> str:
    """Return where an output is written before it is whole."""
    if not files.is_uri(path):
        return files.beside(path, f".{os.path.basename(path)}.partial")
    return path if resumes else os.path.join(tempfile.gettempdir(), f"hashcore-{uuid.uuid4().hex}")


@contextmanager
def growing(path: str, made: Record, marks: Collection[str] = ()) -> Iterator[None]:
    """Record who begins a directory that grows in place, as an index does, and at its end who made it.

    Whatever ends the block, what was built stays for the next run: another run may be building it, or have ended. A
    directory in which nothing was built, apart from `marks`, is removed.

    Raises:
        OutputError: If the place cannot be written.
    """
    with _writable(path):
        files.make_folder(path)
        files.write_bytes(files.join(path, HALF), text(made))
    try:
        yield
    except Exception as error:
        if {os.path.relpath(name, path) for name in files.listing(path, deep=True)} <= {HALF, *marks}:
            for name in (HALF, *marks):
                files.remove(files.join(path, name))
            files.remove_empty(path)
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise _unwritable(path, error) from None
        raise
    finish(path, made)
    run_notes.writes(path, made.fingerprint)


def finish(path: str, made: Record) -> None:
    """Record who made a directory that grew in place."""
    files.write_bytes(files.join(path, RECORD), text(made))
    files.remove(files.join(path, HALF))


@contextmanager
def keeping(path: str, made: Record) -> Iterator[str]:
    """Give a folder beside an output for what finished tasks have found, which is removed when the block ends.

    A kill, or a failed task, leaves it for the next run, which finds it if it makes the same output.

    Raises:
        OutputError: If the place cannot be written, or another run is writing it.
    """
    folder = files.beside(path, f".{os.path.basename(path)}.tasks")
    with ExitStack() as held:
        with _writable(path):
            held.enter_context(claimed(folder, path))
            if not is_same(read(folder), made):
                files.remove(folder)
                files.make_folder(folder)
                files.write_bytes(files.join(folder, RECORD), text(made))
        try:
            yield folder
        except Exception as error:
            if not isinstance(error, TaskError | OutputError):  # whose cause may be mended
                files.remove(folder)
            raise
        files.remove(folder)


@contextmanager
def attempt(path: str, scratch: str) -> Iterator[str]:
    """Give a task a file of its own on this machine, and move it to `path` when the block ends without an error.

    So a task that runs twice, even at the same time, leaves one whole file; none if it wrote none. The file lies in the
    folder `scratch`, or where temporary files do if that is in an object store.

    Raises:
        OutputError: If there is no room for it.
    """
    place = tempfile.gettempdir() if files.is_uri(scratch) else scratch
    own = os.path.join(place, f"{uuid.uuid4().hex}-{os.path.basename(path)}")
    try:
        yield own
        if os.path.exists(own):
            files.move_in(own, path)
    except OSError as error:
        if isinstance(error, HashcoreError):
            raise
        raise _unwritable(path, error) from None
    finally:
        files.remove(own)


def _commit(staging: str, path: str, made: Record) -> None:
    """Move what was staged into place, its record first, so that an output is never without one."""
    try:
        if staging == path:
            files.write_bytes(files.join(path, RECORD), text(made))
            files.remove(files.join(path, HALF))
        elif files.is_uri(path):
            record_path = files.join(path, RECORD) if os.path.isdir(staging) else record_beside(path)
            files.move_in(staging, path)
            files.write_bytes(record_path, text(made))
        else:
            record_path = files.join(staging, RECORD) if os.path.isdir(staging) else record_beside(path)
            files.write_bytes(record_path, text(made))
            os.replace(staging, path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error.strerror}); is another run writing it?") from None


@contextmanager
def _writable(path: str) -> Iterator[None]:
    """Say in one line why a place cannot be written, unless that is said already."""
    try:
        yield
    except OutputError:
        raise
    except OSError as error:
        raise _unwritable(path, error) from None


def _unwritable(path: str, error: OSError) -> OutputError:
    """Return the error of a place that cannot be written."""
    said = error.strerror or one_line(error)
    made = OutputError(f"{path} cannot be written ({said}); make room, or give a place you may write to")
    made.errno = error.errno
    return made
