"""Names of the classical hashes, and what each asks for, as configuration; reading this needs no torch."""

from __future__ import annotations

from typing import Literal

Method = Literal["lsh", "pcah", "sh", "itq", "itq-cca", "diffhash", "ssh"]
"""Methods that fit one kind of input."""

LEARN_FROM_LABELS: frozenset[Method] = frozenset({"itq-cca", "diffhash", "ssh"})
"""Those among them that are told which items are alike."""
