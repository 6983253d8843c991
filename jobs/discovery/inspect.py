"""Show what an index holds, from its manifest alone; or what any other file or folder holds, by a look at it."""

from __future__ import annotations

import argparse

from hashcore.errors import HashcoreError, InvalidInputError, one_line
from jobs import cli
from jobs.config.paths import absolute
from jobs.discovery import draft, outputs, told
from jobs.discovery.init import name_of
from jobs.discovery.looking import look
from jobs.generations import inspect as of_index

PIPELINES = (".yaml", ".yml")


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hashcore inspect`."""
    command.add_argument("index", nargs="?", metavar="PATH", help="an index, a corpus, codes, a hasher: file or folder")
    cli.add_pipeline(command, "inspect", helps=False)


def run(given: argparse.Namespace) -> None:
    """Print what lies at a place, or what the index of a pipeline holds.

    Raises:
        InvalidInputError: If nothing is there, or nothing that is read here.
        ConfigError: If neither a place nor a pipeline is given.
        StorageError: If the storage refuses.
    """
    if given.config is not None or given.index is None or outputs.is_index(absolute(given.index)):
        of_index.run(cli.pipeline_of(given))
    else:
        print(seen(given.index))


def seen(place: str) -> str:
    """Return what a place holds, in words, and the pipeline file that would read it.

    Raises:
        InvalidInputError: If nothing is there, or nothing that is read here.
        StorageError: If the storage refuses.
    """
    if place.endswith(PIPELINES):
        raise InvalidInputError(f"{place} is a pipeline file; hashcore inspect --config {place} shows its index")
    if found := outputs.told(absolute(place)):
        return found
    corpus = look(place)
    name = name_of(place)
    try:
        made = draft.text(draft.Draft(name, f"{name}.yaml", corpus))
        said = ["", f"the pipeline file that reads it, as hashcore init {place} --out {name}.yaml writes it:", "", made]
    except HashcoreError as error:
        said = [f"no pipeline file can be written for it: {one_line(error, None)}"]
    return "\n".join([*told.lines(corpus), *said]).rstrip()
