"""Files of neighbors: a row a neighbor or a row a query, by the keys of queries and items; Parquet, CSV, JSON lines."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hashcore.columns.ids import Ids, shown, to_column
from hashcore.neighbors import Neighbors
from hashcore.storage import files
from jobs.config.sections.search import Format, SearchConfig, Shape
from jobs.searching.found_items import Items
from jobs.stages.codes_directory import rows_of
from jobs.stages.parquet_files import checksums

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIXES: dict[Format, str] = {"parquet": "parquet", "csv": "csv", "json": "jsonl"}


def table_of(found: Neighbors, query_ids: Ids, items: Items, shape: Shape, words: Sequence[str] | None) -> pa.Table:
    """Return the neighbors of q queries as a table.

    Args:
        found: Of each query.
        query_ids: Ids of the queries, int64 of shape (q,), or keys.
        items: Keys and labels of the items, as far as they are asked for.
        shape: `pairs`: columns query_id, id, distance, a row a neighbor. `lists`: the same, a row a query, id and
            distance being lists, empty where nothing was found. Labels of the items come last where they are known.
        words: Names of the labels, None where they are numbers.
    """
    import pyarrow as pa

    queries = to_column(query_ids)
    columns = {"id": items.ids_of(found.ids), "distance": pa.array(found.distances.astype(np.int32))}
    if items.have_labels:
        columns["labels"] = _named(items.column("labels", found.ids), words)
    if shape == "pairs":
        return pa.table({"query_id": queries.take(pa.array(found.query_numbers())), **columns})
    offsets = pa.array(found.offsets, pa.int32())
    lists = {name: pa.ListArray.from_arrays(offsets, column) for name, column in columns.items()}
    return pa.table({"query_id": queries, **lists})


def save(table: pa.Table, path: str, form: Format) -> None:
    """Write a table to a file of this machine."""
    import pyarrow.parquet as pq

    if form == "parquet":
        pq.write_table(table, path, **checksums("write_page_checksum"))
        return
    with open(path, "w", encoding="utf-8", newline="") as file:
        if form == "json":
            file.writelines(json.dumps(_plain(row), ensure_ascii=False) + "\n" for row in table.to_pylist())
        else:
            _write_csv(table, file)


def neighbors_in(path: str, asks: SearchConfig) -> int:
    """Return the number of neighbors in a file that was written before."""
    is_parquet = path.endswith(".parquet")
    if is_parquet and asks.shape == "pairs":
        return rows_of(path)
    if is_parquet:
        return _values_of(path)
    lines = (files.read_bytes(path) or b"").decode().splitlines()
    if asks.format == "json":
        rows = [json.loads(line)["id"] for line in lines]
        return sum(len(row) if isinstance(row, list) else 1 for row in rows)
    rows = list(csv.DictReader(lines))
    return len(rows) if asks.shape == "pairs" else sum(len(row["distance"].split()) for row in rows)


def _values_of(path: str) -> int:
    """Return the number of distances in lists of a Parquet file."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    system, inner = files.located(path)
    counts = pc.list_value_length(pq.read_table(inner, columns=["distance"], filesystem=system).column(0))
    return int(pc.sum(counts).as_py() or 0)


def _write_csv(table: pa.Table, file: Any) -> None:
    """Write a table as CSV with a header; lists become texts with blanks between their values."""
    lines = csv.writer(file, lineterminator="\n")
    lines.writerow(table.column_names)
    for row in table.to_pylist():
        cells = map(_plain, row.values())
        lines.writerow([" ".join(map(str, cell)) if isinstance(cell, list) else cell for cell in cells])


def _plain(value: Any) -> Any:
    """Return a value as texts hold it: bytes as hexadecimal digits."""
    if isinstance(value, dict):
        return {name: _plain(held) for name, held in value.items()}
    return [_plain(held) for held in value] if isinstance(value, list) else shown(value)


def _named(labels: pa.ListArray, words: Sequence[str] | None) -> pa.ListArray:
    """Return lists of labels by their names, where labels have names."""
    import pyarrow as pa

    if words is None:
        return labels
    names = pa.array(words, pa.string()).take(labels.flatten())
    offsets = labels.offsets
    return pa.ListArray.from_arrays(pa.array(np.asarray(offsets) - np.asarray(offsets)[0]), names)
