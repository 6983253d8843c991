"""Objects of S3 as files of Python's: read part by part, written whole."""

from __future__ import annotations

import os
import tempfile

from hashcore.storage.s3_answers import PART_BYTES, WrongAnswerError, ask_again
from hashcore.storage.s3_client import named, of_process

IN_MEMORY_BYTES = 32 << 20  # of what is written; more waits in a temporary file


class ReadObject:
    """An object of which any part can be read; it is refused if it is replaced meanwhile."""

    def __init__(self, bucket: str, key: str, size: int, tag: str) -> None:
        self.closed = False
        self._bucket, self._key, self._size, self._tag, self._place = bucket, key, size, tag, 0

    def read(self, count: int | None = None) -> bytes:
        """Return the next bytes, fewer at the end."""
        wanted = self._size - self._place if count is None or count < 0 else count
        stop = min(self._place + wanted, self._size)
        if stop <= self._place:
            return b""
        with named(f"s3://{self._bucket}/{self._key}"):
            body = ask_again(lambda: self._part(self._place, stop))
        self._place = stop
        return body

    def _part(self, start: int, stop: int) -> bytes:
        """Return bytes start:stop."""
        span = f"bytes={start}-{stop - 1}"
        answer = of_process().get_object(Bucket=self._bucket, Key=self._key, Range=span, IfMatch=self._tag)
        body = bytes(answer["Body"].read())
        if len(body) != stop - start:
            raise WrongAnswerError(f"{len(body)} bytes where {stop - start} were asked for")
        return body

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place and return it."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        self._place = max(base + offset, 0)
        return self._place

    def tell(self) -> int:
        """Return the place that is read next."""
        return self._place

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def writable(self) -> bool:
        """Return False."""
        return False

    def flush(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """End reading."""
        self.closed = True


class WrittenObject:
    """A stream that becomes an object, whole, when it is closed; nothing where it is dropped before."""

    def __init__(self, bucket: str, key: str) -> None:
        self.closed = False
        self._bucket, self._key, self._count = bucket, key, 0
        self._held = tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115 (closed with this)

    def write(self, content: bytes) -> int:
        """Add bytes and return how many."""
        self._held.write(content)
        self._count += len(content)
        return len(content)

    def tell(self) -> int:
        """Return how many bytes there are."""
        return self._count

    def readable(self) -> bool:
        """Return False."""
        return False

    def seekable(self) -> bool:
        """Return False."""
        return False

    def writable(self) -> bool:
        """Return True."""
        return True

    def flush(self) -> None:
        """Do nothing: an object appears whole."""

    def close(self) -> None:
        """Upload what was written, in parts where it is large."""
        from boto3.s3.transfer import TransferConfig

        if self.closed:
            return
        self.closed = True
        self._held.seek(0)
        parts = TransferConfig(multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES)
        with self._held, named(f"s3://{self._bucket}/{self._key}"):
            of_process().upload_fileobj(self._held, self._bucket, self._key, Config=parts)
