"""Places as users write them, in the one form that all others read: a path of this machine, or `s3://bucket/key`."""

from __future__ import annotations

import os
import re
from urllib.parse import unquote

from hashcore.errors import InvalidInputError, brief

S3 = "s3://"
S3_SCHEMES = ("s3", "s3a", "s3n")  # the last two are Hadoop's names of the same
SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/")
ALLOWED = "a path, file:///… and s3://bucket/… are: use one of them"


def place(given: str | os.PathLike[str]) -> str:
    """Return a place as it is read everywhere: `s3://bucket/key`, or a path of this machine with `~` replaced.

    Raises:
        InvalidInputError: If it is empty or no text, of a scheme that is not read here, or has empty names.

    >>> place("S3A://bucket/key/"), place("file:///data/a%20b"), place("runs/x")
    ('s3://bucket/key', '/data/a b', 'runs/x')
    """
    text = _text(given)
    scheme = SCHEME.match(text)
    if scheme is None:
        return _home(text)
    name, rest = scheme.group(1).lower(), text[scheme.end() - 1 :]
    if name in S3_SCHEMES:
        return _object(text, rest)
    if name == "file":
        return _file(text, rest)
    raise InvalidInputError(f"{text}: {name}:// is not read here; {ALLOWED}, or copy the files there")


def is_object(given: str | os.PathLike[str]) -> bool:
    """Return whether a place lies in an object store rather than on this machine."""
    return place(given).startswith(S3)


def _text(given: object) -> str:
    """Return a place's text."""
    text = os.fspath(given) if isinstance(given, os.PathLike) else given
    if not isinstance(text, str):
        raise InvalidInputError(f"{brief(given)} is no place; {ALLOWED}")
    if not text.strip():
        raise InvalidInputError(f"an empty text is no place; {ALLOWED}")
    if any(ord(letter) < 32 for letter in text):
        raise InvalidInputError(f"{text!r} holds a control character; correct it, or rename the file")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidInputError(f"{os.fsencode(text)!r} is no UTF-8; rename the file or its folder") from None
    return text


def _object(text: str, rest: str) -> str:
    """Return the URI of an object, or of what begins with it."""
    bucket, _, key = rest.removeprefix("//").rstrip("/").partition("/")
    if not rest.startswith("//") or not bucket:
        raise InvalidInputError(f"{text} names no bucket; use s3://bucket/prefix")
    if any(name in ("", ".", "..") for name in key.split("/")[: None if key else 0]):
        raise InvalidInputError(f"{text} has an empty name, . or .. between slashes; write s3://bucket/name/name")
    return f"{S3}{bucket}/{key}".rstrip("/")


def _file(text: str, rest: str) -> str:
    """Return the path of a URI of this machine."""
    host, path = "", rest
    if rest.startswith("//"):
        host, _, path = rest[2:].partition("/")
        path = f"/{path}"
    if host not in ("", "localhost"):
        raise InvalidInputError(f"{text} names the machine {host}; write file:///{host}{path}, or the path alone")
    return _text(unquote(path))


def _home(text: str) -> str:
    """Return a path with the folder that `~` stands for."""
    if text.startswith("$"):
        raise InvalidInputError(f"{text}: variables are not replaced here; write out the path, or ./{text}")
    found = os.path.expanduser(text)
    if found.startswith("~"):
        raise InvalidInputError(f"{text} is the home of nobody here; write out the path, or ./{text}")
    return found
