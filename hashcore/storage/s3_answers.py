"""Answers of a storage that are wrong although its status says success: told from right ones, and asked for again.

A body can break off, be shorter than it was, or hold other bytes. An object's checksum shows that, or its entity tag
where that is an MD5. Where there is neither, a body is believed when it stays the same. A listing has no checksum: one
that is cut, empty or cannot be decoded is seen, one whose text is changed and still decodes is not.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

TRIES = 8
PART_BYTES = 16 << 20
SAME = 5
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 1.0

T = TypeVar("T")
Read = tuple[bytes, str]  # a body, and its entity tag


class WrongAnswerError(Exception):
    """An answer that cannot be what the storage holds, or of which nothing shows that it is."""


def ask_again(ask: Callable[[], T]) -> T:
    """Return what a function returns, calling it again where the storage's answer was wrong."""
    for number in range(TRIES - 1):
        try:
            return ask()
        except Exception as error:
            if not isinstance(error, wrong_answers()):
                raise
        time.sleep(min(FIRST_PAUSE_S * 2**number, LONGEST_PAUSE_S))
    return ask()


def wrong_answers() -> tuple[type[Exception], ...]:
    """Return the errors by which an answer that breaks off, or is not what it must be, shows itself."""
    import boto3.exceptions
    import s3transfer.exceptions
    import urllib3.exceptions
    from botocore import exceptions
    from botocore.parsers import ResponseParserError

    return (
        WrongAnswerError,
        ResponseParserError,
        exceptions.HTTPClientError,
        exceptions.IncompleteReadError,
        exceptions.FlexibleChecksumError,
        exceptions.ChecksumError,
        exceptions.PaginationError,
        boto3.exceptions.RetriesExceededError,
        s3transfer.exceptions.RetriesExceededError,
        urllib3.exceptions.HTTPError,
        ConnectionError,
        TimeoutError,
    )


def read_object(client: Any, bucket: str, key: str, span: str = "", same: int = SAME) -> Read:
    """Return an object's bytes and its entity tag.

    Args:
        client: Of boto3.
        bucket: Its name.
        key: The object's.
        span: The value of a header `Range`; a part has neither checksum nor MD5. Empty asks for the whole.
        same: How many equal readings are believed where there is neither.
    """
    options, seen = {"Range": span} if span else {}, list[Read]()
    return ask_again(lambda: _body(client.get_object(Bucket=bucket, Key=key, **options), seen, same))


def write_object(client: Any, bucket: str, key: str, path: Path, size_bytes: int) -> None:
    """Write an object to a file that is there, for the caller to check: the parts of a large one have no checksum."""
    from boto3.s3.transfer import TransferConfig

    if size_bytes <= PART_BYTES:
        path.write_bytes(read_object(client, bucket, key, same=2)[0])
        return
    parts = TransferConfig(multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES)

    def fetch() -> None:
        with path.open("r+b") as file:
            client.download_fileobj(bucket, key, file, Config=parts)

    ask_again(fetch)


def list_pages(client: Any, operation: str, **options: Any) -> list[dict[str, Any]]:
    """Return all pages of a listing.

    Raises:
        WrongAnswerError: If one holds numbers or dates that are none, or says nothing at all.
    """
    from botocore.exceptions import BotoCoreError

    try:
        pages = list(client.get_paginator(operation).paginate(**options))
    except BotoCoreError:
        raise
    except (ValueError, TypeError, LookupError, ArithmeticError) as error:
        raise WrongAnswerError(f"the listing cannot be decoded: {error}") from None
    if any({"IsTruncated", "Name", "Bucket"}.isdisjoint(page) for page in pages):
        raise WrongAnswerError("the listing is empty text")
    return pages


def _body(answer: dict[str, Any], seen: list[Read], same: int) -> Read:
    """Return the body of an answer and the entity tag; raise where neither is proven nor was seen often enough."""
    from botocore.httpchecksum import StreamingChecksumBody

    body = answer["Body"]
    found = body.read(), answer["ETag"]
    seen.append(found)
    is_md5 = hashlib.md5(found[0], usedforsecurity=False).hexdigest() == found[1].strip('"')
    if not (is_md5 or isinstance(body, StreamingChecksumBody) or seen.count(found) >= same):
        raise WrongAnswerError("the object has no checksum, and each reading of it is another")
    return found
