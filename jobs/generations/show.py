"""Show an item: whether it is in the index, or in which generation it was deleted; its code, labels and nearest."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from hashcore.columns.ids import Ids
from jobs.searching.one import Asks, key_ids, labels_of, lines, number_of, own_code

if TYPE_CHECKING:
    from indexer import Index

NEAREST = 5


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hashcore show`."""
    command.add_argument("root", metavar="INDEX", help="root of an index, such as runs/mine/index")
    command.add_argument("keys", nargs="+", metavar="KEY", help="ids of items, as the corpus has them")
    command.add_argument("--k", type=int, default=NEAREST, help="nearest items to show of each (default: %(default)s)")


def run(given: argparse.Namespace) -> None:
    """Print what an index holds of some items.

    Raises:
        InvalidInputError: If there is no index, or a key is of another type than its ids.
    """
    import indexer

    index = indexer.open(given.root)
    ids = key_ids(index, given.keys)
    for number, key in enumerate(given.keys):
        print(told(index, key, ids[number : number + 1], given.k))


def told(index: Index, key: str, one: Ids, k: int) -> str:
    """Return what an index holds of one item, its id given as an array of one."""
    if not index.contains(one)[0]:
        deleted = index.deleted_in(one)[0]
        if not deleted:
            return f"{key}: not in generation {index.generation}, nor deleted in one that is kept"
        return f"{key}: deleted in generation {deleted}, not in generation {index.generation}"
    code, labels = index.codes(one), labels_of(index, one)
    digits = own_code(code, index)[0].tobytes().hex()
    said = f"{key}: in generation {index.generation}, code 0x{digits} of {index.code_length} bits"
    if labels is not None:
        said += f", labels {', '.join(labels[0]) or 'none'}"
    if k < 1 or len(index) == 1:
        return said
    found = Asks(k, None).of(index, code, number_of(index, one))
    return f"{said}\n{lines(index, found)}"
