"""The list of shards of one generation of an index, and the name of the current one."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from hashcore.codes import Kind
from hashcore.errors import CorruptIndexError, InvalidInputError, OutputError, UnknownFormatError
from indexer.layout import Layout
from indexer.store import Store

VERSION = 2
CURRENT = "CURRENT"
MANIFESTS = "manifests"
SHARDS = "shards"
TOMBSTONES = "tombstones"
NAME = re.compile(rf"{MANIFESTS}/(\d{{8,18}})\.json")
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class ShardEntry(BaseModel):
    """One shard as its manifest lists it.

    Attributes:
        digest: SHA-256 of the file's header, which holds those of its arrays; names the file.
        rows: Items.
        distinct: Distinct codes.
        bytes: Size of the file.
        ids: The smallest and the largest id; None where a manifest of version 1 did not say.
        tombstones: SHA-256 of the header of the file that lists the deleted rows; None where there is none.
        deleted: How many these are.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: Digest
    rows: int = Field(ge=0)
    distinct: int = Field(ge=0)
    bytes: int = Field(ge=0)
    ids: tuple[int, int] | None = None
    tombstones: Digest | None = None
    deleted: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _tombstones_fit(self) -> ShardEntry:
        if self.deleted > self.rows or (self.deleted > 0) != (self.tombstones is not None):
            raise ValueError(f"{self.deleted} deleted of {self.rows} rows do not fit the tombstones")
        return self

    @property
    def name(self) -> str:
        """The shard's name in the store."""
        return f"{SHARDS}/{self.digest}.safetensors"

    @property
    def tombstones_name(self) -> str | None:
        """The name of its list of deleted rows."""
        return self.tombstones and f"{TOMBSTONES}/{self.tombstones}.safetensors"

    @property
    def live(self) -> int:
        """Rows that are not deleted."""
        return self.rows - self.deleted

    def may_hold(self, first: int, last: int) -> bool:
        """Return whether an id of first … last may be in it."""
        return self.ids is None or (self.ids[0] <= last and first <= self.ids[1])


class Manifest(BaseModel):
    """One generation of an index: what it holds and where it came from.

    Attributes:
        layout: Of the shards that were built with it; each shard holds its own, as small ones want smaller tables.
        writer: Drawn by whoever wrote it, so that no two manifests are the same: a writer knows its own again.
        created_s: When, by the writer's clock; told to people, never compared.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: Literal[1, 2] = 2
    generation: int = Field(ge=1)
    parent: int | None = None
    kind: Kind = "dense"
    layout: Layout
    shards: tuple[ShardEntry, ...]
    hasher_fingerprint: str | None = None
    provenance: dict[str, Any] = {}
    created_s: float = Field(default_factory=time.time)
    writer: str = Field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def rows(self) -> int:
        """Items in all shards that are not deleted."""
        return sum(shard.live for shard in self.shards)

    def successor(self, generation: int, shards: Iterable[ShardEntry], change: dict[str, Any]) -> Manifest:
        """Return the manifest of the generation that some change makes of this one."""
        return Manifest(
            generation=generation,
            parent=self.generation,
            kind=self.kind,
            layout=self.layout,
            shards=tuple(shards),
            hasher_fingerprint=self.hasher_fingerprint,
            provenance={**self.provenance, "change": change},
        )


def read_manifest(store: Store, generation: int | None = None) -> Manifest:
    """Return a generation's manifest; None asks for the current one.

    Raises:
        InvalidInputError: If there is no index, or no such generation.
        UnknownFormatError: If it is of a version this reader does not know.
        CorruptIndexError: If it does not parse.
    """
    current = store.get(CURRENT)
    if current is None:
        raise InvalidInputError(f"{store} holds no index; build one there, or check the path")
    if generation is None:
        generation = _parse_current(store, current)
    content = store.get(manifest_name(generation))
    if content is None:
        known = ", ".join(map(str, generations(store)))
        raise InvalidInputError(f"{store} has no generation {generation}; use one of {known}")
    manifest = _parse(f"{store}/{manifest_name(generation)}", content)
    if manifest.generation != generation:
        raise CorruptIndexError(
            f"{store}/{manifest_name(generation)}: expected generation {generation}, got {manifest.generation}; "
            "restore the file"
        )
    return manifest


def commit_manifest(store: Store, manifest: Manifest) -> None:
    """Make a manifest the current generation: the manifest first, by put-if-absent, then CURRENT, by compare-and-swap.

    Raises:
        OutputError: If somebody else has committed since the parent was read; nothing of theirs is touched.
    """
    store.check_swaps()
    expected = None if manifest.parent is None else _current_bytes(manifest.parent)
    content = manifest.model_dump_json(indent=1).encode()
    if (
        store.get(CURRENT) != expected
        or not store.put_new(manifest_name(manifest.generation), content)
        or not (store.swap(CURRENT, expected, _current_bytes(manifest.generation)) or _is_ancestor(store, manifest))
    ):
        raise OutputError(
            f"{store}: another writer committed first; its index is current and yours is not part of it: "
            "open the index again and repeat the change"
        )


def _is_ancestor(store: Store, manifest: Manifest) -> bool:
    """Return whether the current generation came from a manifest, whose swap had succeeded without an answer."""
    newer: int | None = current_generation(store)
    while newer is not None and newer > manifest.generation:
        newer = read_manifest(store, newer).parent
    return newer == manifest.generation and read_manifest(store, newer).writer == manifest.writer


def next_generation(store: Store) -> tuple[int | None, int]:
    """Return the current generation (None: none yet) and the number that the next one takes."""
    parent = current_generation(store)
    return parent, max([*generations(store), parent or 0]) + 1


def current_generation(store: Store) -> int | None:
    """Return the generation that CURRENT names, None where there is no index."""
    current = store.get(CURRENT)
    return None if current is None else _parse_current(store, current)


def generations(store: Store) -> list[int]:
    """Return the numbers of the manifests there are, ascending."""
    found = (NAME.fullmatch(entry.name) for entry in store.entries(MANIFESTS))
    return sorted(int(match.group(1)) for match in found if match)


def manifest_name(generation: int) -> str:
    """Return the name of a generation's manifest."""
    return f"{MANIFESTS}/{generation:08d}.json"


def _current_bytes(generation: int) -> bytes:
    return f"{generation}\n".encode()


def _parse_current(store: Store, content: bytes) -> int:
    """Return the generation that CURRENT names."""
    if not re.fullmatch(rb"\d{1,18}\n?", content):
        raise CorruptIndexError(f"{store}/{CURRENT}: expected a generation's number, got {content[:40]!r}")
    return int(content)


def _parse(path: str, content: bytes) -> Manifest:
    """Return the manifest in `content`."""
    try:
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        if first["loc"] == ("format_version",):
            raise UnknownFormatError(
                f"{path}: index format {first['input']!r} is unknown to this reader (reads 1-{VERSION}); "
                "upgrade hashcore"
            ) from None
        where = ".".join(map(str, first["loc"]))
        raise CorruptIndexError(f"{path}: {where or 'manifest'}: {first['msg']}; restore the file") from None
