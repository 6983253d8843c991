"""Names of the classical hashes, and the data that each asks for, as configuration; reading this needs no torch."""

from __future__ import annotations

from typing import Literal, get_args

Method = Literal["sign", "lsh", "pcah", "sh", "itq", "itq-cca", "diffhash", "ssh", "cca", "cm-ssh"]

METHODS: tuple[Method, ...] = get_args(Method)

LEARN_FROM_LABELS: frozenset[Method] = frozenset({"itq-cca", "diffhash", "ssh", "cm-ssh"})
"""Methods that are given labels."""

OF_TWO_MODALITIES: frozenset[Method] = frozenset({"cca", "cm-ssh"})
"""Methods that fit two modalities of the same things together; the others fit one."""
