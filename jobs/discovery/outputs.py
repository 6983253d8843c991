"""What this project wrote itself, told from its own files: a codes directory, a hasher, the root of a pipeline."""

from __future__ import annotations

import json
from typing import Any

from hashcore.storage import files
from jobs.config.paths import Paths
from jobs.stages import codes_directory

CURRENT, HASHER = "CURRENT", "hasher.json"


def is_index(place: str) -> bool:
    """Return whether a place is the folder of an index."""
    return files.exists(files.join(place, CURRENT))


def told(place: str) -> str:
    """Return what an output is that lies at a place, "" where there is none.

    Raises:
        InvalidInputError: If a codes directory is damaged.
    """
    if files.exists(files.join(place, codes_directory.INFO)):
        return _codes(place)
    if files.exists(files.join(place, HASHER)):
        return _hasher(place)
    held = {name: path for name, path in Paths.below(place).items() if name in HELD}
    found = [f"{name.replace('_', ' ')}: {path}" for name, path in held.items() if files.exists(f"{path}/{HELD[name]}")]
    if not found:
        return ""
    return "\n".join([f"{place} is the root of a pipeline; look at its parts one by one", *found])


HELD = {
    "hasher": HASHER,
    "codes_database": codes_directory.INFO,
    "codes_queries": codes_directory.INFO,
    "index": CURRENT,
}


def _codes(place: str) -> str:
    """Return what a codes directory holds."""
    info = codes_directory.read_info(place)
    lines = [f"{place} is a codes directory: {info.rows:,} {info.kind} codes of {info.code_length} bits"]
    lines.append(f"of {info.modality}, by hasher {info.hasher_fingerprint}; ids are {info.keys or 'whole numbers'}")
    if info.vocabulary is not None:
        lines.append(f"{len(info.vocabulary):,} names of labels: {_few(info.vocabulary)}")
    if info.bit_order is not None:
        lines.append(f"imported from codes whose bits were packed {info.bit_order}")
    return "\n".join([*lines, f"hashcore index --config FILE --set paths.codes_database={place} indexes them"])


def _hasher(place: str) -> str:
    """Return what a hasher is, by its description alone."""
    try:
        held: dict[str, Any] = json.loads(files.read_bytes(files.join(place, HASHER)) or b"{}")
        modalities = {name: modality["input"] for name, modality in held["modalities"].items()}
        lines = [f"{place} is a hasher: {held.get('kind', 'dense')} codes of {held['code_length']} bits"]
        for name, read in modalities.items():
            sizes = ", ".join(f"{key} {value}" for key, value in read.items() if isinstance(value, int | str))
            lines.append(f"{name}: {sizes}")
        method = held.get("provenance", {}).get("method", "network")
    except (ValueError, TypeError, KeyError, AttributeError):
        return f"{place} looks like a hasher, but its {HASHER} is damaged; copy it again, or train"
    return "\n".join([*lines, f"method {method}", f"hashcore encode --config FILE --set paths.hasher={place} encodes"])


def _few(names: tuple[str, ...], most: int = 8) -> str:
    """Return the first of some names."""
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")
