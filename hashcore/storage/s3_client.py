"""A client of S3 by the standard AWS settings, and what a storage says when it refuses."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from hashcore.errors import ConfigError, StorageError, one_line
from hashcore.storage.s3_answers import wrong_answers

BUSY = ("SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "RequestTimeout")
DENIED = ("AccessDenied", "AllAccessDisabled")
SETTINGS = "check bucket, endpoint (AWS_ENDPOINT_URL) and credentials, and run again"
PATH = "look at the network and proxies between here and it, and run again"

_making = threading.Lock()  # sessions are not safe to use from several threads, clients are


def new_client() -> Any:
    """Return an S3 client by the standard AWS settings; those that are not set get patience with a busy storage.

    Raises:
        ConfigError: If the settings contradict each other, or are none.
    """
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    try:
        config = Config(
            retries={
                "mode": os.environ.get("AWS_RETRY_MODE", "adaptive"),
                "total_max_attempts": int(os.environ.get("AWS_MAX_ATTEMPTS", "10")),
            },
            connect_timeout=10,
            read_timeout=60,
            max_pool_connections=32,
            tcp_keepalive=True,
        )
        with _making:
            return _session(os.getpid()).client("s3", config=config)
    except (BotoCoreError, ValueError, OSError) as error:
        said = one_line(error, 300)
        raise ConfigError(
            f"the AWS settings make no client of S3 ({said}); correct the variables AWS_…, or the files they name"
        ) from None


def of_process() -> Any:
    """Return this process's client, which is safe to use from several threads."""
    return _client(os.getpid())


@lru_cache(maxsize=1)
def _client(process: int) -> Any:  # noqa: ARG001 (after a fork there is another)
    """Return the client of a process, made once."""
    return new_client()


@lru_cache(maxsize=1)
def _session(process: int) -> Any:  # noqa: ARG001 (after a fork there is another)
    """Return the session of this process, which reads its settings and descriptions once."""
    from boto3.session import Session

    return Session()


@contextmanager
def named(place: str) -> Iterator[None]:
    """Say in one line, with the place, what the storage refused, or why it did not answer.

    Raises:
        StorageError: In place of what boto3 raises; its `errno` is EACCES where these credentials may not do that.
    """
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (Boto3Error, BotoCoreError, ClientError, RecursionError, *wrong_answers()) as error:
        said = one_line(error, 300)
        refused = StorageError(f"{place}: {_explained(error, said)}")
        refused.errno = errno.EACCES if isinstance(error, ClientError) and code(error) in DENIED else None
        raise refused from None


def _explained(error: Exception, said: str) -> str:
    """Return what the storage said, or did not, and what to do about it."""
    from botocore.exceptions import ClientError, ConnectionError, FlexibleChecksumError  # noqa: A004

    if "maximum recursion depth" in said:  # boto3 asks where the bucket is, and again
        return f"every request is answered by 301 Moved Permanently; {SETTINGS}"
    if isinstance(error, FlexibleChecksumError):
        return f"the storage's answer does not match its checksum, however often it is asked: {said}; {PATH}"
    if isinstance(error, wrong_answers()):
        return f"the storage's answer breaks off or cannot be read, however often it is asked: {said}; {PATH}"
    if isinstance(error, ConnectionError):
        return f"{said}; check endpoint (AWS_ENDPOINT_URL) and network, and run again"
    if isinstance(error, ClientError) and (status(error) >= 500 or code(error) in BUSY):
        return f"{said}; the storage is busy or failing: run again later"
    return f"{said}; {SETTINGS}"


def status(error: Any) -> int:
    """Return the HTTP status of a refused request."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def code(error: Any) -> str:
    """Return the storage's name of an error."""
    return str(error.response.get("Error", {}).get("Code", ""))
