"""Mutations of what JSON text says: one value somewhere in it is replaced, removed or moved."""

from __future__ import annotations

import copy
import json

ODD = (
    0,
    1,
    -1,
    2**31,
    2**32,
    2**63,
    -(2**63),
    1e300,
    0.5,
    None,
    True,
    [],
    {},
    "",
    "U64",
    [0, 8],
    [-1],
    [[]],
    "../x",
    10**400,
)


def mutate(tree, dice) -> None:
    """Replace, remove or double one value somewhere in a tree; of texts that hold JSON, somewhere in these."""
    if not isinstance(tree, (dict, list)):
        return
    nodes = [(tree, key) for key in (tree if isinstance(tree, dict) else range(len(tree)))] if tree else []
    if not nodes:
        return
    holder, key = dice.choice(nodes)
    value = holder[key]
    if isinstance(value, (dict, list)) and value and dice.random() < 0.8:
        mutate(value, dice)
    elif isinstance(value, str) and value[:1] == "{" and dice.random() < 0.9:
        inner = json.loads(value)
        mutate(inner, dice)
        holder[key] = json.dumps(inner)
    elif isinstance(value, int) and dice.random() < 0.5:
        holder[key] = value + dice.choice((-8, -4, -1, 1, 4, 8, 64))
    elif isinstance(holder, dict) and dice.random() < 0.2:
        del holder[key]
    else:
        holder[key] = copy.deepcopy(dice.choice(ODD))
