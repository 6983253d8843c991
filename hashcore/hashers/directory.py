"""The two files of a hasher's directory. Weights are written first: a description is only ever beside its weights."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor

from hashcore.errors import (
    ConfigError,
    CorruptHasherError,
    InvalidInputError,
    OutputError,
    StorageError,
    UnknownFormatError,
    one_line,
    require,
)
from hashcore.storage import files

DESCRIPTION = "hasher.json"
WEIGHTS = "weights.safetensors"
FORMAT_VERSIONS = (1, 2)
"""Those that are read: 2 is written of a hasher that resizes images, which readers of 1 would not, 1 of any other."""
REMEDY = "copy it again, or remove the folder and train"


def write(uri: str, description: Mapping[str, Any], weights: Mapping[str, Tensor]) -> None:
    """Write a hasher's directory, made if need be, with weights of any shapes.

    Raises:
        OutputError: If it cannot be written.
    """
    require("safetensors", "train")
    from safetensors.torch import save

    resizes = any(each["input"].get("resize") for each in description["modalities"].values())
    text = json.dumps({"format_version": 2 if resizes else 1, **description}, indent=2) + "\n"
    try:
        files.make_folder(uri)
        for name, content in ((WEIGHTS, save(dict(weights))), (DESCRIPTION, text.encode())):
            files.write_bytes(files.join(uri, name), content)
    except OSError as error:
        raise OutputError(f"{uri} cannot be written ({one_line(error)}); give a place you may write to") from None


def read_description(uri: str) -> dict[str, Any]:
    """Return the description in a hasher's directory, of which only the format is known.

    Raises:
        InvalidInputError: If there is no hasher.
        UnknownFormatError: If its format is newer than this reader.
        CorruptHasherError: If the file is damaged.
    """
    content = _content(uri, DESCRIPTION)
    try:
        description = json.loads(content)
        version = description["format_version"]
    except RecursionError:
        raise CorruptHasherError(f"{uri}/{DESCRIPTION} is no description of a hasher (nested too deeply)") from None
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptHasherError(f"{uri}/{DESCRIPTION} is no description of a hasher ({one_line(error)})") from None
    if version not in FORMAT_VERSIONS:
        raise UnknownFormatError(
            f"{uri}: hasher format {one_line(version)} is unknown to this reader (reads "
            f"{' and '.join(map(str, FORMAT_VERSIONS))}); upgrade hashcore"
        )
    return dict(description)


def read_weights(uri: str) -> dict[str, Tensor]:
    """Return the weights of a hasher's directory, of any shapes, by names `<modality>.<layer>…`.

    Takes the file's size in memory twice.

    Raises:
        InvalidInputError: If there are none.
        CorruptHasherError: If the file is damaged.
    """
    require("safetensors", "train")
    from safetensors.torch import load

    content = _content(uri, WEIGHTS)
    try:
        return dict(load(content))
    except Exception as error:  # SafetensorError, or what torch says of an odd shape or type
        raise CorruptHasherError(
            f"{uri}/{WEIGHTS} is damaged ({one_line(error)}); copy it again, or remove the folder and train"
        ) from None


def check_fingerprint(uri: str, *, expected: str, got: str) -> None:
    """Raise CorruptHasherError unless what was read has the fingerprint that was written."""
    if expected != got:
        raise CorruptHasherError(
            f"{uri}: {DESCRIPTION} promises fingerprint {one_line(expected)} but its contents have {got}; {REMEDY}"
        )


@contextmanager
def damage_named(uri: str) -> Iterator[None]:
    """Turn what a description or weights that do not fit together cause into a CorruptHasherError.

    Raises:
        CorruptHasherError: In place of what the block raised.
        ConfigError: If a network of the user's own cannot be made.
    """
    try:
        yield
    except ConfigError:
        raise
    except (LookupError, TypeError, AttributeError, RuntimeError, ArithmeticError, ValueError) as error:
        raise CorruptHasherError(
            f"{uri} does not describe its weights ({one_line(error)}); copy it again, or remove the folder and train"
        ) from None


def _content(uri: str, name: str) -> bytes:
    """Return the bytes of a file of the directory.

    Raises:
        InvalidInputError: If there is none.
        StorageError: If the storage refuses.
    """
    try:
        content, said = files.read_bytes(files.join(uri, name)), f"{name} is missing"
    except StorageError:
        raise
    except OSError as error:
        content, said = None, one_line(error)
    if content is None:
        raise InvalidInputError(f"{uri} holds no hasher ({said}); train one, or correct the path")
    return content
