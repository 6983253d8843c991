"""YAML in which every plain value has one reading: that of YAML 1.2's core schema, where 1.1 does not contradict it.

PyYAML reads YAML 1.1, by which `010` is 8, `yes` is true, `1:30` is 90 and `no` is no country. Here words and dates
stay text, numbers are decimal or say their base. A number that begins with 0 is refused, as is a key that stands twice.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any

import yaml

from hashcore.errors import ConfigError

NULL = re.compile(r"~|null|Null|NULL|")
BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
INT = re.compile(r"[-+]?[0-9][0-9_]*|0x[0-9a-fA-F_]+|0o[0-7_]+|0b[01_]+")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?)|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
PADDED = re.compile(r"[-+]?0[0-9_]+")
TAG = "tag:yaml.org,2002:"


class Loader(yaml.SafeLoader):
    """PyYAML's safe loader with the readings of YAML 1.2, which refuses repeated keys and padded numbers."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 (as PyYAML has it)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Return a mapping whose keys are texts, each of which stands there once.

        Raises:
            ConfigError: If a key is repeated, or is neither a text nor a whole number.
        """
        lines: dict[Any, int] = {}
        for key_node, _ in node.value:
            if key_node.tag == f"{TAG}merge":
                continue
            key, line = self.construct_object(key_node, deep=True), key_node.start_mark.line + 1
            if not isinstance(key, str | int) or isinstance(key, bool):
                raise ConfigError(f"line {line}: the key {key!r} is neither a text nor a whole number; quote it")
            if key in lines:
                raise ConfigError(f"line {line}: the key {key} stands in line {lines[key]} too; keep one of them")
            lines[key] = line
        return super().construct_mapping(node, deep)

    def construct_int(self, node: yaml.ScalarNode) -> int:
        """Return a whole number.

        Raises:
            ConfigError: If it begins with 0, which was read as a number of base 8.
        """
        text = str(node.value)
        if PADDED.fullmatch(text):
            raise ConfigError(
                f"line {node.start_mark.line + 1}: {text} is {_octal(text)}by YAML 1.1 and {_decimal(text)} by 1.2; "
                "write the number without leading zeros, or quote it where it is a text"
            )
        return int(text.replace("_", ""), 0)

    def construct_float(self, node: yaml.ScalarNode) -> float:
        """Return a number, which may have no point, such as 1e-3."""
        text = str(node.value).replace("_", "").lower()
        return float(text.replace(".inf", "inf").replace(".nan", "nan"))


def _octal(text: str) -> str:
    """Return how YAML 1.1 reads a padded number, as far as it is one there."""
    digits = text.replace("_", "")
    return f"{int(digits, 8)} " if set(digits) <= set("+-01234567") else "a text "


def _decimal(text: str) -> int:
    """Return how YAML 1.2 reads a padded number."""
    return int(text.replace("_", ""))


for name, pattern, first in (
    ("null", NULL, ["~", "n", "N", ""]),
    ("bool", BOOL, list("tTfF")),
    ("int", INT, list("-+0123456789")),
    ("float", FLOAT, list("-+.0123456789")),
    ("merge", re.compile("<<"), ["<"]),
):
    Loader.add_implicit_resolver(TAG + name, re.compile(f"^(?:{pattern.pattern})$"), first)
for name, construct in (("int", Loader.construct_int), ("float", Loader.construct_float)):
    Loader.add_constructor(TAG + name, construct)


def parse(text: str) -> Any:
    """Return what a YAML text holds.

    Raises:
        ConfigError: If a key is repeated or is no text or whole number, or a number begins with 0; with the line.
        yaml.YAMLError: If it is no YAML.

    >>> parse("k: 10\nflag: true\nname: no\nrate: 1e-3\nroot: ~/x\nlabels: ~")
    {'k': 10, 'flag': True, 'name': 'no', 'rate': 0.001, 'root': '~/x', 'labels': None}
    """
    try:
        return yaml.load(text, Loader)
    except RecursionError:
        raise ConfigError("the file is nested too deep; give a section per job") from None
