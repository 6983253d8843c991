"""The list of shards of one generation of an index, and the name of the current one."""

from __future__ import annotations

import time
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hashcore.codes import Kind
from hashcore.errors import CorruptIndexError, InvalidInputError, OutputError, UnknownFormatError
from indexer.layout import Layout
from indexer.store import Store

VERSION = 1
CURRENT = "CURRENT"


class ShardEntry(BaseModel):
    """One shard as its manifest lists it.

    Attributes:
        digest: SHA-256 of the file's header, which holds those of its arrays; names the file.
        rows: Items.
        distinct: Distinct codes.
        bytes: Size of the file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: str = Field(pattern="^[0-9a-f]{64}$")
    rows: int = Field(ge=0)
    distinct: int = Field(ge=0)
    bytes: int = Field(ge=0)

    @property
    def name(self) -> str:
        """The shard's name in the store."""
        return f"shards/{self.digest}.safetensors"


class Manifest(BaseModel):
    """One generation of an index: what it holds and where it came from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: Literal[1] = 1
    generation: int = Field(ge=1)
    parent: int | None = None
    kind: Kind = "dense"
    layout: Layout
    shards: tuple[ShardEntry, ...]
    hasher_fingerprint: str | None = None
    provenance: dict[str, Any] = {}
    created_s: float = Field(default_factory=time.time)

    @property
    def rows(self) -> int:
        """Items in all shards."""
        return sum(shard.rows for shard in self.shards)


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
    content = store.get(_name(generation))
    if content is None:
        known = ", ".join(map(str, _generations(store)))
        raise InvalidInputError(f"{store} has no generation {generation}; use one of {known}")
    return _parse(f"{store}/{_name(generation)}", content)


def commit_manifest(store: Store, manifest: Manifest) -> None:
    """Make a manifest the current generation: the manifest first, by put-if-absent, then CURRENT, by compare-and-swap.

    Raises:
        OutputError: If somebody else has committed since the parent was read; nothing of theirs is touched.
    """
    expected = None if manifest.parent is None else _current_bytes(manifest.parent)
    lost = OutputError(
        f"{store}: another writer committed generation {manifest.generation} first; "
        "its index is current, and yours can be committed again on top of it"
    )
    if store.get(CURRENT) != expected or not store.put_new(
        _name(manifest.generation), manifest.model_dump_json(indent=1).encode()
    ):
        raise lost
    if not store.swap(CURRENT, expected, _current_bytes(manifest.generation)):
        raise lost


def next_generation(store: Store) -> tuple[int | None, int]:
    """Return the current generation (None: none yet) and the number that the next one takes."""
    current = store.get(CURRENT)
    parent = None if current is None else _parse_current(store, current)
    return parent, max(_generations(store), default=0) + 1


def _generations(store: Store) -> list[int]:
    """Return the numbers of the manifests there are."""
    return [int(name.rpartition("/")[2].removesuffix(".json")) for name in store.names("manifests")]


def _name(generation: int) -> str:
    return f"manifests/{generation:08d}.json"


def _current_bytes(generation: int) -> bytes:
    return f"{generation}\n".encode()


def _parse_current(store: Store, content: bytes) -> int:
    """Return the generation that CURRENT names."""
    if not content.strip().isdigit() or not content.isascii():
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
                f"{path}: index format {first['input']!r} is unknown to this reader (reads {VERSION}); upgrade hashcore"
            ) from None
        where = ".".join(map(str, first["loc"]))
        raise CorruptIndexError(f"{path}: {where or 'manifest'}: {first['msg']}; restore the file") from None
