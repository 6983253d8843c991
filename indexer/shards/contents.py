"""An opened shard's codes, ids and labels, memory-mapped and checked, with distance histograms over them."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from hashcore import hamming
from hashcore.arguments import check_array, check_places
from hashcore.codes import Codes, check_codes, code_bytes
from hashcore.errors import CorruptIndexError, InvalidInputError, brief
from hashcore.hamming import Words
from hashcore.labels import Labels
from hashcore.machine.processors import available_threads
from indexer import _native
from indexer.shards.builder import MAX_ROWS, bit_order, in_order
from indexer.shards.checks import check_arrays, check_structure, check_unused_bits, verify_derived
from indexer.shards.key_arrays import FACT, StoredKeys, check_base, key_spec
from indexer.shards.keys import signed
from indexer.shards.live_rows import read_rows
from indexer.storage.array_file import WITH_KEYS, ArrayFile
from indexer.structures.layout import Layout, first_problem

if TYPE_CHECKING:
    import pyarrow as pa

VERIFIED_ON_OPEN_BYTES = 64 << 20  # larger shards are verified by Index.verify(), so that opening stays instant


class ShardContents:
    """Contents of an opened shard; safe to use from several threads.

    Attributes:
        name: Of the file.
        file: Its arrays, as they are stored.
        layout: Of its codes.
        words: The distinct codes in the file, uint64, shape (words, stored_distinct), bits in the layout's order.
        key_spec: How the keys of its items became ids; None where ids are numbers.
        live: Its rows, less those that are deleted.
        rows: How many these are.
        distinct: Distinct codes that they carry.
        stored_rows: Rows in the file.
        stored_distinct: Distinct codes in the file.
    """

    def __init__(self, path: Path, digest: str | None = None, deleted: NDArray[np.uint32] | None = None) -> None:
        self.name = path.name
        self.file = ArrayFile(path, digest)
        self.layout = self._layout()
        self.stored_rows, base = self._fact("rows", 0, MAX_ROWS), self._fact("id_base", -(2**63), 2**63 - 1)
        self.key_spec = key_spec(self.file)
        check_base(self.file, base)
        self.file.check_facts("layout", "rows", "id_base", *self._facts_of_keys())
        check_arrays(self.file, self.layout, self.stored_rows)
        self._bit_order = bit_order(self.layout)
        self.words: Words = self.file.arrays["codes"]
        self.stored_distinct: int = self.words.shape[1]
        whole = read_rows(self.file, base)
        self._keys = None if self.key_spec is None else StoredKeys(self.file, self.key_spec)
        if self.file.size <= VERIFIED_ON_OPEN_BYTES:
            self.check()
        gone = None if deleted is None else check_array(deleted, "deleted", ("n",), np.uint32)
        self.live = whole if gone is None else whole.without(gone)
        self.rows: int = len(self.live)
        self.distinct: int = self.stored_distinct if deleted is None else self.live.distinct()

    def check(self) -> None:
        """Compare every byte with its digest, and every offset and position with what it points into.

        Raises:
            CorruptIndexError: Naming file and array.
        """
        self.file.verify()
        check_structure(self.file, self.layout)

    def verify(self) -> None:
        """Check, and compare every array with what the codes and ids make of it: answers are right where that is so.

        Raises:
            CorruptIndexError: Naming file and array.
        """
        self.check()
        verify_derived(self.file, self.layout, self.live.base, available_threads())

    def __len__(self) -> int:
        """Return the number of items."""
        return self.rows

    @property
    def ids(self) -> NDArray[np.int64]:
        """The rows' ids in row order, shape (rows,)."""
        return self.live.ids

    def codes(self) -> Codes:
        """Return the distinct codes in the shard's order, shape (distinct, bytes)."""
        return self._stored_codes()[self._row_counts() > 0]

    def row_codes(self) -> Codes:
        """Return every row's code in row order, shape (rows, bytes)."""
        return np.repeat(self._stored_codes(), self._row_counts(), axis=0)

    def codes_of(self, rows: NDArray[np.uint32]) -> Codes:
        """Return the codes of live rows of some numbers in the file, shape (n, bytes)."""
        rows = check_places(rows, "rows", self.stored_rows).astype(np.uint32)
        places = self.live.places(rows)
        return self._stored_codes()[self._code_places(places)]

    def _code_places(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return which stored code the live row at each place has."""
        if self.live.offsets is None:
            return places
        return np.searchsorted(self.live.sound_offsets, places, side="right").astype(np.int64) - 1

    def distances_at(self, queries: Codes, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how far each query is from the row at its place.

        Args:
            queries: Codes, shape (n, bytes).
            places: Of live rows, in row order, shape (n,).

        Returns:
            Distances in bits, shape (n,).

        Raises:
            InvalidInputError: If they are of other lengths, or a place is none.
        """
        rows = self.query_rows(queries)
        places = check_array(check_places(places, "places", self.rows), "places", (len(rows),), "iu")
        apart = self.words[:, self._code_places(places)].T ^ rows
        return np.asarray(np.bitwise_count(apart).sum(axis=1, dtype=np.int64))

    def find(self, ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
        """Find live rows by ids, int64 of shape (n,), each once.

        Returns:
            The places in `ids` of those that are there, int64 of shape (found,), and the number in the file of the row
            of each, uint32.
        """
        ids = signed(check_array(ids, "ids", ("n",), "iu"))
        if self._keys is None:
            rows = self.live.find(ids)
            order = np.argsort(ids, kind="stable")
            places = order[np.searchsorted(ids, self.live.ids_at(rows), sorter=order)]
            return places, rows
        held = self._keys.find(ids)
        places = np.flatnonzero((held >= 0) & ~np.isin(held, [] if self.live.deleted is None else self.live.deleted))
        return places, held[places].astype(np.uint32)

    def keys(self) -> pa.Array:
        """Return the keys of all live rows, in row order, shape (rows,), as large_string or large_binary."""
        return self.keys_at(self.live.numbers())

    def keys_at(self, rows: NDArray[np.uint32]) -> pa.Array:
        """Return the keys of rows of some numbers in the file, shape (n,), as large_string or large_binary."""
        if self._keys is None:
            raise InvalidInputError(f"{self.name} has no keys; its ids are whole numbers")
        return self._keys.take(check_places(rows, "rows", self.stored_rows))

    def keys_of(self, ids: NDArray[np.int64]) -> pa.Array:
        """Return the keys of items of some ids, int64 of shape (n,), each once and there, as string or binary.

        Raises:
            InvalidInputError: If one is not there.
        """
        from hashcore.columns.ids import to_column

        return to_column(self.keys_at(self._rows_of(ids)))

    def labels_of(self, ids: NDArray[np.int64]) -> Labels | None:
        """Return the labels of items of some ids, int64 of shape (n,), each once and there; None where there are none.

        Raises:
            InvalidInputError: If one is not there.
        """
        return self.labels_at(self._rows_of(ids))

    def labels_at(self, rows: NDArray[np.uint32]) -> Labels | None:
        """Return the labels of rows of some numbers in the file, shape (n,); None where there are none."""
        places = check_places(rows, "rows", self.stored_rows)
        return None if self.live.stored_labels is None else self.live.stored_labels.take(places)

    def _rows_of(self, ids: NDArray[np.int64]) -> NDArray[np.uint32]:
        """Return the number in the file of the row of each of some ids, all of which are there."""
        places, found = self.find(ids)
        if len(places) != len(ids):
            raise InvalidInputError(f"{len(ids) - len(places)} of {len(ids)} ids are not in {self.name}; give its own")
        rows = np.empty(len(ids), np.uint32)
        rows[places] = found
        return rows

    @property
    def has_labels(self) -> bool:
        """Whether its rows have labels."""
        return self.live.stored_labels is not None

    def labels(self) -> Labels | None:
        """Return the labels of the rows in row order, or None where the index was built without."""
        return self.live.labels

    def distance_histograms(
        self,
        queries: Codes,
        query_relevance: Words | None = None,
        item_relevance: Words | None = None,
        *,
        threads: int = 0,
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Count all items, and the relevant ones, at each distance of each query.

        Args:
            queries: Codes, shape (q, bytes).
            query_relevance: Label bit masks, shape (q, words); without any masks nothing is relevant.
            item_relevance: Label bit masks of the items in row order, shape (rows, words).
            threads: Threads to use; 0 takes every processor this process may run on.

        Returns:
            Two int64 arrays of shape (q, code_length + 1).

        Raises:
            InvalidInputError: If the queries' width does not fit, or masks have other rows or words.
        """
        return hamming.relevance_counts(
            np.repeat(self._countable_codes, self._row_counts(), axis=1),
            self.query_rows(queries),
            self.layout.code_length,
            item_relevance,
            query_relevance,
            threads=threads,
        )

    def query_rows(self, queries: Codes) -> Words:
        """Return queries as stored words, row by row; shape (q, words)."""
        codes = check_codes(queries, self.layout.code_length, "queries")
        return in_order(hamming.to_rows(codes).T, self._bit_order, 1).T

    @cached_property
    def _countable_codes(self) -> Words:
        """The codes in the file, seen to set no bit beyond their length: no distance is beyond a histogram."""
        check_unused_bits(self.file, self.layout)
        return self.words

    def _row_counts(self) -> NDArray[np.int64]:
        """Return the number of rows of each stored code."""
        return self.live.counts(self.stored_distinct)

    def _stored_codes(self) -> Codes:
        """Return the codes in the file, also those that have lost all their rows."""
        places = np.argsort(self.layout.bit_order).astype(np.uint16)
        words = np.empty_like(self.words)
        _native.permute_bits(self.words, places, words, available_threads())
        rows = np.ascontiguousarray(words.T).view(np.uint8)
        return np.ascontiguousarray(rows[:, : code_bytes(self.layout.code_length)])

    def row_arrays(self) -> _native.RowArrays:
        """Return codes, live rows and their ids as the native code takes them."""
        live = self.live
        return self.words, live.offsets, live.short_ids, live.long_ids, live.base, live.deleted is not None

    def _facts_of_keys(self) -> list[str]:
        """Return the facts that there are for the keys, after a look at the version that says whether there are any."""
        has_keys = self.key_spec is not None
        if has_keys != (self.file.version == WITH_KEYS):
            raise CorruptIndexError(
                f"{self.file.path}: expected {'version 2, which has keys' if has_keys else 'keys, as version 2 has'}, "
                f"got version {self.file.version}; restore the file"
            )
        return [FACT] if has_keys else []

    def _layout(self) -> Layout:
        """Return the layout in the file's facts."""
        try:
            return Layout.model_validate(self.file.facts["layout"])
        except KeyError:
            raise CorruptIndexError(f"{self.file.path}: expected a layout, got none; restore the file") from None
        except ValidationError as error:
            raise CorruptIndexError(f"{self.file.path}: layout: {first_problem(error)}; restore the file") from None

    def _fact(self, name: str, least: int, most: int) -> int:
        """Return one whole number of the file's facts."""
        value = self.file.facts.get(name)
        if type(value) is not int or not least <= value <= most:
            raise CorruptIndexError(
                f"{self.file.path}: expected {name} as a number {least}..{most}, got {brief(value)}; restore the file"
            )
        return value
