"""S3 as a file system of Arrow's, by the client that all others use: one reading of settings, errors in one line."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from pyarrow import PythonFile
from pyarrow.fs import FileInfo, FileSelector, FileSystemHandler, FileType

from hashcore.errors import StorageError
from hashcore.storage.s3_answers import ask_again, list_pages
from hashcore.storage.s3_client import code, named, of_process, status
from hashcore.storage.s3_object import ReadObject, WrittenObject

if TYPE_CHECKING:
    from collections.abc import Iterator

ASKED_AT_ONCE = 16
DELETED_AT_ONCE = 1000


class S3Files(FileSystemHandler):  # type: ignore[misc]
    """Objects by paths `bucket/key`; what ends before a slash of a key is a folder, which nothing makes or removes.

    It holds nothing, so that it pickles, and asks by the client of the process it is in.
    """

    def get_type_name(self) -> str:
        """Return what this file system is called."""
        return "s3+boto3"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, S3Files)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(S3Files)

    def normalize_path(self, path: str) -> str:
        """Return a path without a slash at its end."""
        return path.rstrip("/")

    def get_file_info(self, paths: list[str]) -> list[FileInfo]:
        """Return what is at each path: an object, a folder, or nothing."""
        with ThreadPoolExecutor(ASKED_AT_ONCE) as pool:
            return list(pool.map(self._info, paths))

    def get_file_info_selector(self, selector: FileSelector) -> list[FileInfo]:
        """Return the objects and folders in a folder, or all below it."""
        base = selector.base_dir.rstrip("/")
        bucket, prefix = _split(base)
        found = list(_listed(bucket, f"{prefix}/" if prefix else "", recursive=selector.recursive))
        if not found and not selector.allow_not_found and self._info(base).type == FileType.NotFound:
            raise FileNotFoundError(f"s3://{base} does not exist")
        return found

    def open_input_file(self, path: str) -> PythonFile:
        """Return an object to read any part of.

        Raises:
            FileNotFoundError: If there is none.
        """
        held = _head(*_split(path))
        if held is None:
            raise FileNotFoundError(f"s3://{path} does not exist")
        return PythonFile(ReadObject(*_split(path), held["ContentLength"], held["ETag"]), mode="r")

    def open_input_stream(self, path: str) -> PythonFile:
        """Return an object to read from its beginning."""
        return self.open_input_file(path)

    def open_output_stream(self, path: str, metadata: object) -> PythonFile:  # noqa: ARG002 (none is kept)
        """Return what becomes an object when it is closed."""
        return PythonFile(WrittenObject(*_split(path)), mode="w")

    def open_append_stream(self, path: str, metadata: object) -> PythonFile:
        """Refuse: objects do not grow."""
        raise NotImplementedError(f"s3://{path}: an object cannot be appended to")

    def create_dir(self, path: str, recursive: bool) -> None:
        """Do nothing: a folder is there as soon as something is in it."""

    def delete_dir(self, path: str) -> None:
        """Remove everything below a folder."""
        bucket, prefix = _split(path.rstrip("/"))
        with named(f"s3://{path}"):
            pages = _pages(bucket, f"{prefix}/")
            keys = [{"Key": each["Key"]} for page in pages for each in page.get("Contents", ())]
            for start in range(0, len(keys), DELETED_AT_ONCE):
                some = {"Objects": keys[start : start + DELETED_AT_ONCE], "Quiet": True}
                refused = of_process().delete_objects(Bucket=bucket, Delete=some).get("Errors", ())
                if refused:
                    said = f"{refused[0].get('Key')}: {refused[0].get('Code')}"
                    raise StorageError(f"s3://{path}: {len(refused)} objects are not removed ({said}); run again")

    def delete_dir_contents(self, path: str, missing_dir_ok: bool) -> None:  # noqa: ARG002 (folders are not kept)
        """Remove everything below a folder."""
        self.delete_dir(path)

    def delete_root_dir_contents(self) -> None:
        """Refuse: that would be all buckets."""
        raise NotImplementedError("the contents of all buckets are not removed")

    def delete_file(self, path: str) -> None:
        """Remove an object."""
        bucket, key = _split(path)
        with named(f"s3://{path}"):
            of_process().delete_object(Bucket=bucket, Key=key)

    def copy_file(self, src: str, dest: str) -> None:
        """Copy an object."""
        (source_bucket, source), (bucket, key) = _split(src), _split(dest)
        with named(f"s3://{dest}"):
            of_process().copy({"Bucket": source_bucket, "Key": source}, bucket, key)

    def move(self, src: str, dest: str) -> None:
        """Copy an object and remove the first one."""
        self.copy_file(src, dest)
        self.delete_file(src)

    def _info(self, path: str) -> FileInfo:
        """Return what is at a path."""
        bucket, key = _split(path.rstrip("/"))
        held = _head(bucket, key) if key else None
        if held is not None:
            return FileInfo(path, FileType.File, size=held["ContentLength"], mtime=held["LastModified"].timestamp())
        with named(f"s3://{path}"):
            prefix = f"{key}/" if key else ""
            below = ask_again(lambda: of_process().list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1))
        return FileInfo(path, FileType.Directory if not key or below.get("Contents") else FileType.NotFound)


def _split(path: str) -> tuple[str, str]:
    """Return bucket and key of a path."""
    bucket, _, key = path.partition("/")
    return bucket, key


def _head(bucket: str, key: str) -> dict[str, Any] | None:
    """Return what the storage says of an object, None where there is none."""
    from botocore.exceptions import ClientError

    with named(f"s3://{bucket}/{key}"):
        try:
            answer: dict[str, Any] = ask_again(lambda: of_process().head_object(Bucket=bucket, Key=key))
        except ClientError as error:
            if status(error) == 404 and code(error) != "NoSuchBucket":
                return None
            raise
    return answer


def _pages(bucket: str, prefix: str, **options: str) -> list[dict[str, Any]]:
    """Return all pages of a listing of what begins with a prefix."""
    return ask_again(lambda: list_pages(of_process(), "list_objects_v2", Bucket=bucket, Prefix=prefix, **options))


def _listed(bucket: str, prefix: str, *, recursive: bool) -> Iterator[FileInfo]:
    """Yield the objects and folders below a prefix."""
    with named(f"s3://{bucket}/{prefix}".rstrip("/")):
        pages = _pages(bucket, prefix, **({} if recursive else {"Delimiter": "/"}))
    folders = {each["Prefix"] for page in pages for each in page.get("CommonPrefixes", ())}
    for each in (each for page in pages for each in page.get("Contents", ())):
        key = each["Key"]
        inner = key.removeprefix(prefix).split("/")[:-1]
        folders |= {prefix + "/".join(inner[: depth + 1]) + "/" for depth in range(len(inner))}
        if not key.endswith("/"):  # as consoles mark folders
            time = each["LastModified"].timestamp()
            yield FileInfo(f"{bucket}/{key}", FileType.File, size=each["Size"], mtime=time)
    yield from (FileInfo(f"{bucket}/{folder.rstrip('/')}", FileType.Directory) for folder in sorted(folders))
