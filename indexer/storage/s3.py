"""A store at `s3://bucket/prefix`, in Amazon S3 or any storage that speaks its protocol.

A response can be lost after the storage has done what it was asked; the client then asks again and is refused by its
own success. So every refusal (409, 412, an upload that is gone) is followed by a look at what is there.
"""

from __future__ import annotations

import os
import tempfile
import time
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from hashcore.errors import CorruptIndexError, InvalidInputError, MissingFileError, StorageError
from hashcore.storage.s3_answers import PART_BYTES, SAME, TRIES, ask_again, list_pages, read_object, write_object
from hashcore.storage.s3_client import code, named, new_client, status
from indexer.storage.cache import ShardCache
from indexer.storage.store import FILE_NAME, UNFINISHED, UNFINISHED_NAME, StoredObject, unfinished_name

ABSENT = (404,)
REFUSED = (404, 412)  # 404: If-Match of an object that is gone
CONFLICT = 409  # another conditional write is under way: try again
DOWNLOADS = 3  # of an object that is damaged each time


class S3Store:
    """A store in a bucket, below a prefix; its client is made in the process that first needs it, as after a fork."""

    def __init__(self, uri: str, cache: ShardCache | None = None) -> None:
        self.bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        if not self.bucket:
            raise InvalidInputError(f"root={uri!r} names no bucket; use s3://bucket/prefix")
        self.prefix = f"{prefix.strip('/')}/".lstrip("/")
        self._cache = cache or ShardCache.of_machine()
        self._clients: dict[int, Any] = {}
        self._swaps: bool | None = None

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    @property
    def client(self) -> Any:
        """The client of this process."""
        process = os.getpid()
        if process not in self._clients:
            self._clients = {process: new_client()}
        return self._clients[process]

    def get(self, key: str) -> bytes | None:
        """Return the object's bytes, or None where there is none."""
        return self._get(key)[0]

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        """Return bytes start:stop of an object that exists; fewer where it ends before."""
        return self._get(key, f"bytes={start}-{stop - 1}", same=2)[0] or b""

    def size(self, key: str) -> int | None:
        """Return an object's size in bytes, or None where there is none."""
        answer = self._head(key)
        return None if answer is None else int(answer["ContentLength"])

    def put_new(self, key: str, content: bytes) -> bool:
        """Write an object unless another one has its name; return whether it holds `content` now."""
        return self._put(key, content, IfNoneMatch="*") or self.get(key) == content

    def swap(self, key: str, expected: bytes | None, content: bytes) -> bool:
        """Replace an object if its bytes are `expected` (None: there is none); return whether it is `content` now."""
        held, tag = self._get(key)
        if held != expected:
            return held == content
        condition = {"IfNoneMatch": "*"} if tag is None else {"IfMatch": tag}
        return self._put(key, content, **condition) or self.get(key) == content

    def check_swaps(self) -> None:
        """Raise StorageError where the storage overwrites what it was asked to leave; asked once."""
        if self._swaps is None:
            key = unfinished_name()
            self._put(key, b"first", IfNoneMatch="*")
            self._swaps = not self._put(key, b"second", IfNoneMatch="*")
            self._swaps &= not self._put(key, b"third", IfMatch='"00000000000000000000000000000000"')
            self.remove(key)
        if not self._swaps:
            raise StorageError(
                f"{self}: this storage ignores If-None-Match or If-Match, so of two writers at once one could undo the "
                "other unseen; write the index to a storage that honours them, or to a directory, and copy it here"
            )

    def new_file(self) -> Path:
        """Return the path of a local file to be written and then added."""
        return Path(tempfile.gettempdir(), f"hashcore-{uuid.uuid4().hex}")

    def add_file(self, path: Path, key: str) -> None:
        """Upload a file made at new_file(), in parts where it is large, and remove it here."""
        from boto3.exceptions import Boto3Error
        from boto3.s3.transfer import TransferConfig
        from botocore.exceptions import ClientError

        mark = uuid.uuid4().hex
        parts = TransferConfig(multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES)
        with self._named(key):
            try:
                self.client.upload_file(
                    str(path), self.bucket, self.prefix + key, ExtraArgs={"Metadata": {"upload": mark}}, Config=parts
                )
            except (Boto3Error, ClientError):
                if not self._is_ours(key, mark):
                    raise
        path.unlink(missing_ok=True)

    def local_file(self, key: str, check: Callable[[Path], object]) -> AbstractContextManager[Path]:
        """Give the path of the object in this machine's cache, downloaded and checked where it was not there."""

        def download(path: Path) -> None:
            self._download(key, path, check)

        return self._cache.file(Path(key).name, self._size(key), download)

    def discard(self, key: str) -> bool:
        """Remove this machine's copy of an object, which is damaged; return True: another one can be made."""
        self._cache.discard(Path(key).name)
        return True

    def entries(self, folder: str) -> list[StoredObject]:
        """Return the objects in a folder (empty: those in none), sorted by name."""
        prefix = self.prefix + (f"{folder}/" if folder else "")
        with self._named(folder):
            pages = self._pages("list_objects_v2", Prefix=prefix, Delimiter="/")
            found = [each for page in pages for each in page.get("Contents", ())]
        return sorted(
            StoredObject(each["Key"].removeprefix(self.prefix), each["Size"], each["LastModified"].timestamp())
            for each in found
        )

    def remove(self, key: str) -> None:
        """Remove an object if it is there."""
        with self._named(key):
            self.client.delete_object(Bucket=self.bucket, Key=self.prefix + key)

    def remove_unfinished(self, before_s: float) -> int:
        """Abort uploads of shards and tombstones begun before a time, remove what a probe left, and return how many."""
        with self._named(""):
            pages = self._pages("list_multipart_uploads", Prefix=self.prefix)
            uploads = [each for page in pages for each in page.get("Uploads", ())]
            ours = [each for each in uploads if FILE_NAME.fullmatch(each["Key"].removeprefix(self.prefix))]
            old = [each for each in ours if each["Initiated"].timestamp() <= before_s]
            for each in old:
                self.client.abort_multipart_upload(Bucket=self.bucket, Key=each["Key"], UploadId=each["UploadId"])
        begun = [entry for entry in self.entries(UNFINISHED) if UNFINISHED_NAME.fullmatch(entry.name)]
        probes = [entry for entry in begun if entry.modified_s <= before_s]
        for entry in probes:
            self.remove(entry.name)
        return len(old) + len(probes)

    def now_s(self) -> float:
        """Return the time that the storage stamps its answers with, which it cuts to a second, rounded up."""
        with self._named(""):
            answer = ask_again(lambda: self.client.list_objects_v2(Bucket=self.bucket, Prefix=self.prefix, MaxKeys=1))
        return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"]).timestamp() + 1

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs; it makes a client of its own."""
        return self.__dict__ | {"_clients": {}}

    def _get(self, key: str, span: str = "", same: int = SAME) -> tuple[bytes | None, str | None]:
        """Return an object's bytes and its entity tag; None and None where there is none."""
        from botocore.exceptions import ClientError

        with self._named(key):
            try:
                return read_object(self.client, self.bucket, self.prefix + key, span, same)
            except ClientError as error:
                if status(error) in ABSENT and code(error) != "NoSuchBucket":
                    return None, None
                raise

    def _download(self, key: str, path: Path, check: Callable[[Path], object]) -> None:
        """Write an object to a file as long as it, and check it; one that fails may have been falsified on its way."""
        size = path.stat().st_size
        for left in reversed(range(DOWNLOADS)):
            with self._named(key):
                write_object(self.client, self.bucket, self.prefix + key, path, size)
            try:
                check(path)
                return
            except CorruptIndexError as error:
                if not left:
                    raise type(error)(str(error).replace(str(path), f"{self}/{key}")) from None
                os.truncate(path, 0)

    def _put(self, key: str, content: bytes, **condition: str) -> bool:
        """Write an object under a condition; return whether the storage said that it did."""
        from botocore.exceptions import ClientError

        with self._named(key):
            for left in reversed(range(TRIES)):
                try:
                    self.client.put_object(Bucket=self.bucket, Key=self.prefix + key, Body=content, **condition)
                    return True
                except ClientError as error:
                    if status(error) == CONFLICT and left:
                        time.sleep(0.05 * 2 ** (TRIES - left))
                    elif status(error) in (*REFUSED, CONFLICT) and code(error) != "NoSuchBucket":
                        return False
                    else:
                        raise
        raise AssertionError("unreachable")

    def _head(self, key: str) -> dict[str, Any] | None:
        """Return what the storage says of an object, None where there is none."""
        from botocore.exceptions import ClientError

        with self._named(key):
            try:
                answer: dict[str, Any] = ask_again(
                    lambda: self.client.head_object(Bucket=self.bucket, Key=self.prefix + key)
                )
            except ClientError as error:
                if status(error) in ABSENT:
                    return None
                raise
        return answer

    def _pages(self, operation: str, **options: str) -> list[dict[str, Any]]:
        """Return all pages of a listing of the bucket."""
        return ask_again(lambda: list_pages(self.client, operation, Bucket=self.bucket, **options))

    def _is_ours(self, key: str, mark: str) -> bool:
        """Return whether an object carries the mark of an upload, whose answer was lost."""
        answer = self._head(key)
        return answer is not None and answer.get("Metadata", {}).get("upload") == mark

    def _size(self, key: str) -> Callable[[], int]:
        """Return the function that asks for an object's size."""

        def size() -> int:
            found = self.size(key)
            if found is None:
                raise MissingFileError(
                    f"{self}/{key}: the object is missing; restore it, or remove the index and build it again"
                )
            return found

        return size

    def _named(self, key: str) -> AbstractContextManager[None]:
        """Say in one line what the storage refused, or why it did not answer."""
        return named(f"{self}/{key}".rstrip("/"))
