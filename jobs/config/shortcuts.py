"""Short options of some verbs, each for values of the pipeline that would else be typed as `--set`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import NamedTuple


class Shortcut(NamedTuple):
    """A short option.

    Attributes:
        metavar: Its value, for the help.
        help: Its meaning.
        overrides: Give the values to set, each `section.key=value`, of what was typed.
    """

    metavar: str
    help: str
    overrides: Callable[[str], list[str]]


def _question(key: str, other: str) -> Callable[[str], list[str]]:
    """Return the overrides that ask one question in place of another one."""
    return lambda text: [f"search.{other}=null", f"search.{key}={text}"]


def _listed(text: str) -> list[str]:
    """Return the override that deletes some keys, taken as texts."""
    keys = [key.strip() for key in text.split(",") if key.strip()]
    return [f"delete.ids={json.dumps(keys, ensure_ascii=False)}"]


def _text(key: str) -> Callable[[str], list[str]]:
    """Return the override that sets a text."""
    return lambda text: [f"{key}={json.dumps(text, ensure_ascii=False)}"]


QUESTION = {
    "--k": Shortcut("K", "the K nearest of each query: search.k", _question("k", "radius")),
    "--radius": Shortcut("BITS", "all within BITS: search.radius", _question("radius", "k")),
}
ONE = {
    "--key": Shortcut("KEY", "print the neighbors of one item of the index: search.key", _text("search.key")),
    "--query": Shortcut(
        "FILE",
        "print those of an image, of a .npy vector, or of a code in hexadecimal digits: search.query",
        _text("search.query"),
    ),
}
SHORTCUTS: dict[str, dict[str, Shortcut]] = {
    "search": {**QUESTION, **ONE},
    "explain": QUESTION,
    "delete": {
        "--ids": Shortcut("1,2", "whole-number ids to delete: delete.ids", lambda text: [f"delete.ids=[{text}]"]),
        "--keys": Shortcut("a,b", "keys to delete, which hold no comma; a file may list others: delete.ids", _listed),
    },
}


def add_to(command: argparse.ArgumentParser, verb: str) -> None:
    """Add the short options of a verb to its parser."""
    for name, shortcut in SHORTCUTS.get(verb, {}).items():
        command.add_argument(name, metavar=shortcut.metavar, help=shortcut.help, dest=name)


def overrides(given: argparse.Namespace) -> list[str]:
    """Return the values that the short options given set, each `section.key=value`."""
    shortcuts = SHORTCUTS.get(given.verb, {}).items()
    typed = [(shortcut, getattr(given, name)) for name, shortcut in shortcuts if getattr(given, name) is not None]
    return [override for shortcut, text in typed for override in shortcut.overrides(text)]
