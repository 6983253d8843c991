"""Write the pipeline file of a corpus, by a look at it."""

from __future__ import annotations

import argparse
import os
import re

from hashcore.errors import InvalidInputError, OutputError, one_line
from jobs.config.paths import absolute
from jobs.discovery import outputs
from jobs.discovery.draft import Draft, text
from jobs.discovery.looking import look

DEFAULT = "mine.yaml"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hashcore init`."""
    command.add_argument("database", metavar="PATH", help="file or folder of vectors, images, tags or codes")
    command.add_argument("queries", nargs="?", metavar="QUERIES", help="alike; without them the database asks itself")
    command.add_argument("--out", default=DEFAULT, metavar="FILE", help="file to write (default: %(default)s)")


def run(given: argparse.Namespace) -> None:
    """Write a pipeline file, and print which commands it is for.

    Raises:
        InvalidInputError: If a place holds nothing that a pipeline reads.
        OutputError: If the file is there, or cannot be written.
        StorageError: If the storage refuses.
    """
    if os.path.lexists(given.out):
        raise _is_there(given.out)
    for place in filter(None, (given.database, given.queries)):
        if outputs.is_index(absolute(place)) or outputs.told(absolute(place)):
            raise InvalidInputError(f"{place} is an output of hashcore; name a corpus, or see hashcore inspect {place}")
    queries = look(given.queries) if given.queries else None
    draft = Draft(name_of(given.out), given.out, look(given.database), queries)
    made = text(draft)
    try:
        with open(given.out, "x", encoding="utf-8") as file:
            file.write(made)
    except FileExistsError:
        raise _is_there(given.out) from None
    except OSError as error:
        raise OutputError(f"{given.out} cannot be written ({one_line(error)}); choose another by --out") from None
    commands = re.findall(r"^#   (hashcore .*)$", made, re.MULTILINE)
    item = draft.item()
    print(f"{given.out}: {item.told} in {item.name} of {given.database}; look at it, then type")
    print("\n".join(f"  {command}" for command in commands))


def name_of(place: str) -> str:
    """Return the name of a pipeline by that of a file or folder.

    >>> name_of("a/my photos/"), name_of("s3://b/x.tar.gz"), name_of("..")
    ('my-photos', 'x', 'mine')
    """
    stem = place.rstrip("/").rpartition("/")[2].partition(".")[0]
    return re.sub(r"[^A-Za-z0-9_-]", "-", stem) or "mine"


def _is_there(path: str) -> OutputError:
    """Return the error against writing over a file."""
    return OutputError(f"{path} is there already and is not written over; choose another by --out, or remove it")
