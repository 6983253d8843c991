"""The list of shards of one generation of an index, and the name of the current one."""

from __future__ import annotations

import hashlib
import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, Literal, NamedTuple, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from hashcore.codes import Kind
from hashcore.errors import CorruptIndexError, InvalidInputError, UnknownFormatError, brief
from indexer.shards.entry import ShardEntry
from indexer.shards.keys import KeySpec
from indexer.storage.store import Store
from indexer.structures.layout import Layout, first_problem

VERSION: Literal[3] = 3
CURRENT = "CURRENT"
MANIFESTS = "manifests"
MANIFEST_NAME = re.compile(rf"{MANIFESTS}/(\d{{8,18}})\.json")
FAR = 1_000_000  # numbers so far above the current one were not made by committing
READINGS = 3
T = TypeVar("T")


class Manifest(BaseModel):
    """One generation of an index: what it holds and where it came from.

    Attributes:
        layout: Of the shards that were built with it; each shard holds its own, as small ones want smaller tables.
        created_s: When, by the writer's clock; told to people, never compared.
        keys: How keys of items became ids; None where ids are numbers.
        vocabulary: Names of labels, label i being called vocabulary[i]; None where labels are numbers.
        writer: Drawn by whoever wrote it, so that no two manifests are the same: a writer knows its own again. Empty in
            version 1, as is the checksum.
        checksum: SHA-256 of all else, as JSON without blanks.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: Literal[1, 2, 3] = 2
    generation: int = Field(ge=1)
    parent: int | None = None
    kind: Kind = "dense"
    layout: Layout
    shards: tuple[ShardEntry, ...]
    hasher_fingerprint: str | None = None
    provenance: dict[str, Any] = {}
    keys: KeySpec | None = None
    vocabulary: tuple[str, ...] | None = None
    created_s: float = Field(default_factory=time.time)
    writer: str = ""
    checksum: str = ""

    def files(self) -> list[str]:
        """Return the names of the files that the generation holds: shards, and lists of deleted rows."""
        return [name for shard in self.shards for name in (shard.name, shard.tombstones_name) if name is not None]

    @model_validator(mode="after")
    def _lists_what_was_appended(self) -> Manifest:
        appended = self.provenance.get("appended", [])
        if not isinstance(appended, list) or not all(isinstance(content, str) for content in appended):
            raise ValueError("provenance.appended is not a list of texts")
        return self

    @model_validator(mode="after")
    def _follows_its_parent(self) -> Manifest:
        if self.parent is not None and self.parent >= self.generation:
            raise ValueError(f"parent {self.parent} is not before generation {self.generation}")
        return self

    @model_validator(mode="after")
    def _names_fit_the_version(self) -> Manifest:
        if (self.format_version == VERSION) == (self.keys is None and self.vocabulary is None):
            raise ValueError(f"keys or a vocabulary in version {self.format_version}, or none in version {VERSION}")
        if self.vocabulary is not None and len(set(self.vocabulary)) < len(self.vocabulary):
            raise ValueError("the vocabulary names two labels alike")
        return self

    def digest(self) -> str:
        """Return the SHA-256 of all that it says."""
        return hashlib.sha256(self.model_dump_json(exclude={"checksum"}).encode()).hexdigest()

    def content(self) -> bytes:
        """Return it as a file holds it."""
        return self.model_copy(update={"checksum": self.digest()}).model_dump_json(indent=1).encode()

    @model_serializer(mode="wrap")
    def _of_its_version(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out the fields that a file of this version has not."""
        later = () if self.format_version == VERSION else ("keys", "vocabulary")
        return {name: value for name, value in dump(self).items() if name not in later}

    @property
    def rows(self) -> int:
        """Items in all shards that are not deleted."""
        return sum(shard.live for shard in self.shards)

    def successor(
        self,
        generation: int,
        shards: Iterable[ShardEntry],
        change: dict[str, Any],
        vocabulary: tuple[str, ...] | None = None,
    ) -> Manifest:
        """Return the manifest of the generation that a change makes of this one; `vocabulary` may add names."""
        names = vocabulary or self.vocabulary
        appended = [*self.provenance.get("appended", []), *([change["codes"]] if "codes" in change else [])]
        return Manifest(
            format_version=version_of(self.keys, names),
            generation=generation,
            parent=self.generation,
            kind=self.kind,
            layout=self.layout,
            shards=tuple(shards),
            hasher_fingerprint=self.hasher_fingerprint,
            provenance={**self.provenance, "change": change, **({"appended": appended} if appended else {})},
            keys=self.keys,
            vocabulary=names,
            writer=new_writer(),
        )


def version_of(keys: KeySpec | None, vocabulary: tuple[str, ...] | None) -> Literal[2, 3]:
    """Return the version of a manifest with keys or names of labels, or without."""
    return 2 if keys is None and vocabulary is None else VERSION


def new_writer() -> str:
    """Return a name that no other writer has."""
    return uuid.uuid4().hex


class Current(NamedTuple):
    """The content of CURRENT: a generation, the writer of its manifest since version 2, and its bytes."""

    generation: int
    writer: str
    content: bytes


def read_manifest(store: Store, generation: int | None = None) -> Manifest:
    """Return a generation's manifest; None asks for the current one.

    Raises:
        InvalidInputError: If there is no index, or no such generation.
        UnknownFormatError: If it is of a version this reader does not know.
        CorruptIndexError: If it does not parse, or is not what CURRENT says.
    """
    return _read_again(lambda: _read_manifest(store, generation))


def _read_again(read: Callable[[], T]) -> T:
    """Return what is read; before it is believed to be damaged, the storage is asked again for what it holds."""
    for _ in range(READINGS - 1):
        with suppress(CorruptIndexError):
            return read()
    return read()


def _read_manifest(store: Store, generation: int | None) -> Manifest:
    """Return a generation's manifest, as one reading finds it."""
    current = read_current(store)
    if current is None:
        raise InvalidInputError(f"{store} holds no index; build one there, or check the path")
    if generation is not None:
        manifest = _read(store, generation)
        if manifest is None:
            known = ", ".join(map(str, generations(store, current.generation)))
            raise InvalidInputError(f"{store} has no generation {generation}; use one of {known}")
        return manifest
    while (manifest := _read(store, current.generation)) is None:
        before, current = current, read_current(store)  # a vacuum may have removed it since, after another commit
        if current is None or current == before:
            raise CorruptIndexError(f"{store}/{CURRENT}: generation {before.generation} is missing; restore it")
    if manifest.writer != current.writer:
        raise CorruptIndexError(
            f"{store}/{CURRENT}: expected generation {current.generation} of writer {current.writer or 'unknown'}, "
            f"got one of {manifest.writer or 'unknown'}; restore the file"
        )
    return manifest


def _read(store: Store, generation: int) -> Manifest | None:
    """Return the manifest of a generation, or None where there is none."""
    content = store.get(manifest_name(generation))
    if content is None:
        return None
    manifest = _parse(f"{store}/{manifest_name(generation)}", content)
    if manifest.generation != generation:
        raise CorruptIndexError(
            f"{store}/{manifest_name(generation)}: expected generation {generation}, got {manifest.generation}; "
            "restore the file"
        )
    return manifest


def read_current(store: Store) -> Current | None:
    """Return what CURRENT says, None where there is no index."""

    def read() -> Current | None:
        content = store.get(CURRENT)
        return None if content is None else _parse_current(store, content)

    return _read_again(read)


def lineage(store: Store, newest: Manifest) -> Iterator[Manifest]:
    """Yield a generation and those it came from, as far back as they are there."""
    present = set(generations(store, newest.generation))
    yield newest
    while newest.parent is not None and newest.parent in present:
        parent = _read(store, newest.parent)
        if parent is None:  # a vacuum was here meanwhile
            return
        newest = parent
        yield newest


def generations(store: Store, current: int) -> list[int]:
    """Return the numbers of the manifests there are, ascending, but for those far above the current one."""
    found = (MANIFEST_NAME.fullmatch(entry.name) for entry in store.entries(MANIFESTS))
    numbers = sorted(int(match.group(1)) for match in found if match)
    return [number for number in numbers if number <= current + FAR]


def manifest_name(generation: int) -> str:
    """Return the name of a generation's manifest."""
    return f"{MANIFESTS}/{generation:08d}.json"


def _parse_current(store: Store, content: bytes) -> Current:
    """Return what the bytes of CURRENT say."""
    found = re.fullmatch(rb"(\d{1,18})(?: ([0-9a-f]{32}))?\n", content)
    if found is None:
        raise CorruptIndexError(f"{store}/{CURRENT}: expected a generation's number and writer, got {content[:40]!r}")
    return Current(int(found.group(1)), (found.group(2) or b"").decode(), content)


def _parse(path: str, content: bytes) -> Manifest:
    """Return the manifest in `content`."""
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        if first["loc"] == ("format_version",):
            raise UnknownFormatError(
                f"{path}: index format {brief(first['input'])} is unknown to this reader (reads 1-{VERSION}); "
                "upgrade hashcore"
            ) from None
        raise CorruptIndexError(f"{path}: manifest: {first_problem(error)}; restore the file") from None
    if manifest.checksum != (manifest.digest() if manifest.checksum or manifest.format_version > 1 else ""):
        expected = brief(manifest.checksum).strip("'") or "in checksum"
        raise CorruptIndexError(f"{path}: expected SHA-256 {expected}; restore the file")
    return manifest
