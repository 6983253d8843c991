"""Samples of a WebDataset tar: members in a row whose names are alike up to the first dot, read as a stream."""

from __future__ import annotations

import io
import lzma
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, Literal, NamedTuple

from hashcore.errors import HashcoreError, InvalidInputError, one_line
from hashcore.storage import files
from hashcore.storage.places import is_object, place

if TYPE_CHECKING:
    from collections.abc import Callable

READ_BYTES = 8 << 20  # of a tar at once
HEADER_BYTES = 16 << 10  # where most of it is passed over
PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ")  # how gzip, bzip2 and xz begin
MOST_BYTES = 256 << 20  # of a member; a larger one is not read
DAMAGES = (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError, ValueError)


class Sample(NamedTuple):
    """Members of one key.

    Attributes:
        key: The name of all up to the first dot of its last part, with folders.
        members: Content by the rest of the name, in small letters; None of one that is not wanted, or too large.
    """

    key: str
    members: dict[str, bytes | None]


class Member(tarfile.TarInfo):
    """A member of a tar in which every damage is an error; Python's own reader ends quietly at some."""

    @classmethod
    def fromtarfile(cls, tar: tarfile.TarFile) -> Member:
        """Return the next member.

        Raises:
            EOFHeaderError: At the two empty blocks with which a tar ends.
            ReadError: If there is neither a member nor the end.
        """
        try:
            return super().fromtarfile(tar)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"no member and no end, {error}") from None


def samples(path: str, wants: Callable[[str], bool], *, skips: bool = False) -> Iterator[Sample]:
    """Yield the samples of a tar in their order; one at a time is in memory.

    Args:
        path: The tar, perhaps compressed by gzip, bzip2 or xz.
        wants: Whether members are read, by the rest of their name after the first dot.
        skips: Whether most bytes are not wanted, so that they are passed over in a file of this machine.

    Raises:
        InvalidInputError: If it is cut short or damaged, with the offset of the member that cannot be read.
        StorageError: If the storage refuses.
    """
    held: Sample | None = None
    with _opened(path, skips) as tar:
        for key, rest, content in _members(tar, path, wants):
            if held is None or key != held.key:
                if held is not None:
                    yield held
                held = Sample(key, {})
            name = rest
            while name in held.members:  # another file of the sample has the same name
                name += "."
            held.members[name] = content
    if held is not None:
        yield held


def _members(tar: tarfile.TarFile, path: str, wants: Callable[[str], bool]) -> Iterator[tuple[str, str, bytes | None]]:
    """Yield key, rest of the name and content of each file."""
    while True:
        with _damage_said(path, tar):
            member = tar.next()
        if member is None:
            return
        tar.members = []  # type: ignore[attr-defined]  # which would grow
        folder, slash, name = member.name.removeprefix("./").rpartition("/")
        stem, _, rest = name.partition(".")
        if not member.isfile() or not stem or not rest:
            continue
        content = None
        if wants(rest.lower()) and member.size <= MOST_BYTES:
            with _damage_said(path, tar, member.offset):
                content = _content(tar, member)
        yield f"{folder}{slash}{stem}", rest.lower(), content


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    """Return the content of a member."""
    file = tar.extractfile(member)
    content = b"" if file is None else file.read()
    if len(content) != member.size:
        raise tarfile.ReadError(f"{len(content)} of {member.size} bytes of {member.name}")
    return content


@contextmanager
def _opened(path: str, skips: bool) -> Iterator[tarfile.TarFile]:
    """Give a tar, which is read in large pieces from its beginning to its end, or passed over in small ones."""
    try:
        with _stream(path, skips) as stream, _damage_said(path, None):
            mode: Literal["r:", "r|*"] = "r:" if stream.seekable() else "r|*"
            tar = tarfile.open(fileobj=stream, mode=mode, tarinfo=Member)  # noqa: SIM115 (closed below)
            try:
                yield tar
            finally:
                tar.close()
    except FileNotFoundError:
        raise InvalidInputError(f"{path} has gone; run again") from None


def _stream(path: str, skips: bool) -> io.BufferedReader[Any]:
    """Return the bytes of a tar; only a plain file of this machine of which most is passed over can be seeked in."""
    if skips and not is_object(path):
        file = io.BufferedReader(io.FileIO(place(path)), HEADER_BYTES)
        if not file.peek(6).startswith(PACKED):
            return file
        file.close()
    system, inner = files.located(path)
    return io.BufferedReader(_Raw(system.open_input_stream(inner)), READ_BYTES)


class _Raw(io.RawIOBase):
    """A stream of Arrow's as one of Python's."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read into a buffer, and return how many bytes."""
        content = self._stream.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()
        super().close()


@contextmanager
def _damage_said(path: str, tar: tarfile.TarFile | None, offset: int | None = None) -> Iterator[None]:
    """Say in one line where a tar cannot be read on."""
    try:
        yield
    except HashcoreError:
        raise
    except DAMAGES as error:
        at = offset if offset is not None else getattr(tar, "offset", 0)
        raise InvalidInputError(
            f"{path} is cut short or damaged at byte {at:,} of the tar ({one_line(error)}); copy or make it again"
        ) from None
