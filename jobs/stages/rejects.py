"""Rows that are set aside: kept as Parquet (id, reason), counted by reason, and told with the first of their ids."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hashcore.columns.ids import shown
from hashcore.storage import files

if TYPE_CHECKING:
    import pyarrow as pa

FIRST_IDS = 5  # kept of each reason
TOLD = 3  # reasons
MOST = 256  # reasons that are told apart; damaged images have many
OTHERS = "other reasons"

Reasons = dict[str, tuple[int, list[int | str]]]


@dataclass(frozen=True)
class Rejects:
    """Rows set aside.

    Attributes:
        rows: How many.
        reasons: By reason how many, and the first ids, bytes as hexadecimal digits.
    """

    rows: int = 0
    reasons: Reasons = field(default_factory=dict)

    @staticmethod
    def of(table: pa.Table) -> Rejects:
        """Count rows (id, reason)."""
        reasons: Reasons = {}
        for key, reason in zip(table.column("id").to_pylist(), table.column("reason").to_pylist(), strict=True):
            number, ids = reasons.setdefault(reason, (0, []))
            reasons[reason] = (number + 1, [*ids, shown(key)] if len(ids) < FIRST_IDS else ids)
        return Rejects(len(table), reasons)

    @staticmethod
    def total(parts: Iterable[Rejects]) -> Rejects:
        """Add up counts; of very many reasons the rarest become one."""
        rows, reasons = 0, Reasons()
        for part in parts:
            rows += part.rows
            for reason, (number, ids) in part.reasons.items():
                before, first = reasons.get(reason, (0, []))
                reasons[reason] = (before + number, _first([*first, *ids]))
        rarest = sorted(reasons, key=lambda reason: (reason == OTHERS, -reasons[reason][0]))[MOST:]
        if rarest:
            known = [reasons.pop(reason) for reason in rarest]
            ids = _first([id_ for _, first in known for id_ in first])
            reasons[OTHERS] = (sum(number for number, _ in known), ids)
        return Rejects(rows, reasons)

    def told(self) -> str:
        """Return the commonest reasons with their numbers and first ids, in a line."""
        commonest = sorted(self.reasons.items(), key=lambda item: (-item[1][0], item[0]))
        parts = [
            f"{reason}: {number:,} row{'s' if number > 1 else ''} (id{'s' if number > 1 else ''} "
            f"{', '.join(map(str, ids))}{', …' if number > len(ids) else ''})"
            for reason, (number, ids) in commonest[:TOLD]
        ]
        left = sum(number for _, (number, _) in commonest[TOLD:])
        return ", ".join(parts) + (f", and {left:,} more of {len(commonest) - TOLD} other reasons" if left else "")


def _first(ids: Iterable[Any]) -> list[Any]:
    """Return the first of some ids, which are all numbers or all texts."""
    return sorted(ids)[:FIRST_IDS]


def place_of(output: str) -> str:
    """Return where the rejected rows of an output lie that was not made for their sake."""
    return files.beside(output, f"{output.rstrip('/').rpartition('/')[2]}.rejected")


def add(table: pa.Table, folder: str, name: str) -> None:
    """Write rejected rows as a file of a folder; none where there are none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if len(table):
        buffer = pa.BufferOutputStream()
        pq.write_table(table, buffer)
        files.make_folder(folder)
        files.write_bytes(files.join(folder, f"{name}.parquet"), buffer.getvalue().to_pybytes())


def read(folder: str) -> pa.Table:
    """Return the rejected rows in a folder in ascending order of id, each once; none where there is no folder."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    held = [pq.read_table(pa.BufferReader(files.read_bytes(file) or b"")) for file in files.listing(folder)]
    if not held:
        return pa.schema([("id", pa.int64()), ("reason", pa.string())]).empty_table()
    table = pa.concat_tables(held)
    ids = table.column("id").combine_chunks()
    first = pa.table({"id": ids, "row": range(len(ids))}).group_by("id").aggregate([("row", "min")]).sort_by("id")
    return table.take(first.column("row_min"))


def keep_files(folder: str, place: str) -> None:
    """Copy the files of rejected rows, before the output that they lie in is given up."""
    files.remove(place)
    for file in files.listing(folder):
        files.make_folder(place)
        files.write_bytes(files.join(place, file.rpartition("/")[2]), files.read_bytes(file) or b"")
