"""The command line: `hashcore <verb> --config FILE [--set a.b=c ...]`; a verb's module is loaded when it is chosen."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple

from hashcore.errors import HashcoreError

EXIT_ERROR = 2
EXIT_INTERRUPTED = 130


class Verb(NamedTuple):
    """What a word on the command line does: `run` of the module `jobs.<word>`."""

    summary: str
    takes_pipeline: bool = True


VERBS = {
    "demo": Verb("run a whole pipeline: train, encode, index, search, evaluate, report"),
    "train": Verb("train the hasher on Ray"),
    "encode": Verb("encode database and queries to packed codes on Spark"),
    "index": Verb("build the sharded index of the database's codes on Spark"),
    "search": Verb("find the neighbors of every query on Spark"),
    "evaluate": Verb("measure the complete ranking on Spark"),
    "report": Verb("show the figures on one page"),
    "explain": Verb("show how each shard would answer the queries, and at what cost"),
    "doctor": Verb("show what this machine has, and what to install", takes_pipeline=False),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit code: 0 done, 2 an error told in one line, 130 interrupted."""
    given = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        _run(given)
    except HashcoreError as error:
        print(f"hashcore {given.verb}: {' '.join(str(error).split())}", file=sys.stderr)
        return EXIT_ERROR
    except KeyboardInterrupt:
        print(f"hashcore {given.verb}: interrupted; the same command goes on where it stopped", file=sys.stderr)
        return EXIT_INTERRUPTED
    return 0


def _parser() -> argparse.ArgumentParser:
    """Return the parser of all verbs."""
    parser = argparse.ArgumentParser(prog="hashcore", description="Learned binary codes and exact Hamming search.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="verb")
    for name, verb in VERBS.items():
        command = verbs.add_parser(name, help=verb.summary, description=verb.summary[0].upper() + verb.summary[1:])
        if verb.takes_pipeline:
            command.add_argument("--config", required=True, metavar="FILE", help="the pipeline, such as conf/demo.yaml")
            command.add_argument(
                "--set",
                action="append",
                default=[],
                metavar="a.b=c",
                dest="overrides",
                help="a value over that of the file; may be repeated",
            )
    return parser


def _run(given: argparse.Namespace) -> None:
    """Load the chosen verb's module and run it."""
    module = import_module(f"jobs.{given.verb}")
    if not VERBS[given.verb].takes_pipeline:
        module.run()
        return
    from jobs import config

    module.run(config.load(given.config, given.overrides))


if __name__ == "__main__":
    sys.exit(main())
