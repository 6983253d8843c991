"""Spark's daemon of Python workers, silent about workers whose Unix socket is closed while they wait for a task.

Such a worker tells the closed socket that it was closed, and Spark prints the BrokenPipeError of that as a traceback,
at the end of jobs that went well. `spark.python.daemon.module` names this module.
"""

from __future__ import annotations

import sys
import traceback

from pyspark import daemon


def main() -> None:
    """Run the daemon until Spark stops it."""
    print_exc = traceback.print_exc

    def print_unless_closed() -> None:
        if not isinstance(sys.exc_info()[1], BrokenPipeError):
            print_exc()

    traceback.print_exc = print_unless_closed  # type: ignore[assignment]
    daemon.manager()


if __name__ == "__main__":
    main()
