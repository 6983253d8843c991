"""Progress of workers on Ray: the first worker writes it to a board, the driver reads and shows it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jobs.telemetry.progress import Progress

INTERVAL_S = 0.5


class Board:
    """Holds a number that one process writes and another reads; made an actor by `ray.remote`."""

    def __init__(self) -> None:
        self._done = 0

    def tell(self, done: int) -> None:
        """Replace the number."""
        self._done = done

    def read(self) -> int:
        """Return the number."""
        return self._done


class Teller:
    """Counts the anchors of all workers by those of the first, and tells the board now and then."""

    def __init__(self, board: Any, workers: int, done: int) -> None:
        self._board = board
        self._workers = workers
        self._done = done
        self._told_s = 0.0

    def on_batch(self, anchors: int) -> None:
        """Count the anchors of a batch."""
        self._done += anchors * self._workers
        now_s = time.monotonic()
        if now_s - self._told_s >= INTERVAL_S:
            self._told_s = now_s
            self._board.tell.remote(self._done)


@contextmanager
def shown(board: Any, total: int) -> Iterator[None]:
    """Show what the board says while the block runs."""
    import ray

    stop = threading.Event()

    def poll() -> None:
        with Progress("train", total=total, unit="items") as progress:
            while not stop.wait(INTERVAL_S):
                progress.reach(ray.get(board.read.remote()))

    thread = threading.Thread(target=poll, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
