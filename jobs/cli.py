"""The command line: `hashcore <verb> --config FILE [--set a.b=c ...]`; a verb's module is loaded when it is chosen."""

from __future__ import annotations

import argparse
import logging
import os
import select
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, NoReturn

from hashcore.errors import ConfigError, HashcoreError, one_line
from jobs.config import shortcuts
from jobs.engine.arrow import spare_pandas
from jobs.telemetry.interruption import was_interrupted

if TYPE_CHECKING:
    from jobs.config.pipeline import Pipeline

EXIT_ERROR = 2
EXIT_INTERRUPTED = 130
EXIT_READER_LEFT = 141
MACHINE, RESEARCH, IMPORTING, GENERATIONS = "jobs.machine", "jobs.research", "jobs.importing", "jobs.generations"
DISCOVERY = "jobs.discovery"  # a module `inspect` in `jobs` itself would hide Python's from scripts there


class Verb(NamedTuple):
    """A word on the command line, which runs `run` of the module of that name.

    Attributes:
        summary: For the help.
        package: Where the module lies.
        takes: "pipeline": run(pipeline); "index": the same, of --config FILE or of an index's folder alone; "own":
            run(given), arguments declared by the module.
        config: File that --config names by default, below conf; "" where there is none.
        module: Its name where the verb is a word of Python, as none may be; "" elsewhere.
    """

    summary: str
    package: str = "jobs"
    takes: Literal["pipeline", "index", "own"] = "pipeline"
    config: str = ""
    module: str = ""


VERBS = {
    "run": Verb("run a whole pipeline: train, encode, index, search, evaluate, report"),
    "demo": Verb("run the whole pipeline on images that scikit-learn brings", config="demo.yaml"),
    "train": Verb("train the hasher"),
    "encode": Verb("encode database and queries to packed codes"),
    "import": Verb("turn ready-made codes into a codes directory, without a hasher", IMPORTING, module="import_codes"),
    "index": Verb("build the sharded index of the database's codes"),
    "search": Verb("find the neighbors of every query", takes="index"),
    "evaluate": Verb("measure the complete ranking"),
    "report": Verb("show the figures on one page"),
    "runs": Verb("list what the jobs of a pipeline did, how long it took and how it ended"),
    "explain": Verb("show how each shard would answer the queries, and at what cost", takes="index"),
    "append": Verb("add the codes of a directory to the index, as a new generation", GENERATIONS, "index"),
    "delete": Verb("delete the items of a list of ids from the index, as a new generation", GENERATIONS, "index"),
    "compact": Verb("merge small shards and drop deleted rows, as a new generation", GENERATIONS, "index"),
    "vacuum": Verb("remove old generations and what nothing refers to", GENERATIONS, "index"),
    "verify": Verb("compare every byte, count and some answers with what they must be", GENERATIONS, "index"),
    "show": Verb("show whether an item is in the index, its code, labels and nearest", GENERATIONS, "own"),
    "inspect": Verb("show what an index holds; or any file or folder, and what would read it", DISCOVERY, "own"),
    "init": Verb("look at data, and write the pipeline file that reads it", DISCOVERY, "own"),
    "plan": Verb("predict bytes, build time and queries a second of an index not built yet", MACHINE, "own"),
    "reproduce": Verb("run rows of the papers' tables and enter our figures beside theirs", RESEARCH, "own"),
    "bench": Verb("measure kernels and tables beside their peers", RESEARCH, "own"),
    "doctor": Verb("show what this machine has, and what to install", MACHINE, "own"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit code: 0 done, 2 an error told in one line, 130 interrupted, 141 no reader."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    parser = _parser(words[0] if words else "", helps=bool({"-h", "--help"} & set(words)))
    given = parser.parse_args(words)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # so that a pipe sees lines when they are said
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it warns of where its cache lies
    if arguments is None and VERBS[given.verb].package != RESEARCH:
        spare_pandas()
    try:
        _run(given)
    except HashcoreError as error:
        print(f"hashcore {given.verb}: {one_line(error, None)}", file=sys.stderr)
        return EXIT_ERROR
    except BrokenPipeError:
        if not _reader_left():
            raise
        return EXIT_READER_LEFT
    except (KeyboardInterrupt, Exception) as error:
        if not was_interrupted(error):
            raise
        print(f"hashcore {given.verb}: interrupted; the same command goes on where it stopped", file=sys.stderr)
        return EXIT_INTERRUPTED
    return 0


def script(verb: str) -> NoReturn:
    """Run a verb whose module was started by itself, as spark-submit does, and end with its exit code."""
    sys.exit(main([verb, *sys.argv[1:]]))


def _reader_left() -> bool:
    """Return whether nobody reads what is printed any more, as after `| head`; nothing is printed from then on."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    has_left = any(event & select.POLLERR for _, event in poll.poll(0))
    if has_left:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return has_left


def _parser(chosen: str, *, helps: bool = False) -> argparse.ArgumentParser:
    """Return the parser of all verbs; only the chosen one's module is asked for its arguments, or help with options."""
    parser = argparse.ArgumentParser(prog="hashcore", description="Learned binary codes and exact Hamming search.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="verb")
    for name, verb in VERBS.items():
        command = verbs.add_parser(name, help=verb.summary, description=verb.summary[0].upper() + verb.summary[1:])
        if verb.takes == "own" and name == chosen:
            import_module(f"{verb.package}.{name}").add_arguments(command)
        if verb.takes != "own" and name == chosen:
            add_pipeline(command, name, helps=helps)
    return parser


def add_pipeline(command: argparse.ArgumentParser, name: str, *, helps: bool) -> None:
    """Add the arguments that say the pipeline of a verb to its parser; `helps` adds what its help tells of options."""
    verb = VERBS[name]
    if helps:
        from jobs.config import options

        command.formatter_class = argparse.RawDescriptionHelpFormatter
        command.epilog = "\n\n".join(filter(None, (options.describe(name), options.common())))
    if verb.takes == "index":
        command.add_argument("index", nargs="?", metavar="PATH", help="folder of an index, in place of --config")
    command.add_argument(
        "--config",
        required=verb.takes == "pipeline" and not verb.config,
        default=_shipped(verb.config) if verb.config else None,
        metavar="FILE",
        help="the pipeline, such as conf/demo.yaml",
    )
    command.add_argument(
        "--with",
        action="append",
        default=[],
        metavar="FILE",
        dest="also",
        help="a file whose values replace those of --config, such as conf/ray/local.yaml; may be repeated",
    )
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="a.b=c",
        dest="overrides",
        help="a value over that of the file; may be repeated",
    )
    shortcuts.add_to(command, name)


def _shipped(name: str) -> str:
    """Return where a configuration of the checkout lies, or its copy in the installed package."""
    here = Path(__file__).parent
    found = [path for path in (here.parent / "conf" / name, here / "conf" / name) if path.exists()]
    return str(found[0] if found else Path("conf") / name)


def pipeline_of(given: argparse.Namespace) -> Pipeline:
    """Return the pipeline that arguments of the command line say.

    Raises:
        ConfigError: If they say none, the file cannot be read, a key is unknown, or a value does not fit.
    """
    from jobs.config import of_index
    from jobs.config.pipeline import load

    overrides, folder = [*shortcuts.overrides(given), *given.overrides], getattr(given, "index", None)
    if given.config is not None:
        return load(given.config, [*overrides, *([f"paths.index={folder}"] if folder else [])], given.also)
    if folder is None:
        raise ConfigError(f"no pipeline is given: type --config FILE, or hashcore {given.verb} PATH of an index")
    return of_index.pipeline_of(folder, overrides)


def _run(given: argparse.Namespace) -> None:
    """Load the chosen verb's module and run it."""
    verb = VERBS[given.verb]
    module = import_module(f"{verb.package}.{verb.module or given.verb}")
    module.run(given if verb.takes == "own" else pipeline_of(given))


if __name__ == "__main__":
    sys.exit(main())
