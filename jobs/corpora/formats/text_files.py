"""Text files of rows, plain or gzipped: their names, the columns that their folders name, and reading them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from hashcore.errors import InvalidInputError
from hashcore.storage import files
from hashcore.storage.listing import below

if TYPE_CHECKING:
    import pyarrow as pa

GZIPPED = ".gz"
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


class TextFile(NamedTuple):
    """A file of rows.

    Attributes:
        path: The file.
        size: Its bytes.
        folders: Columns that the names of its folders give, as in `label=3/`, with their values.
    """

    path: str
    size: int
    folders: tuple[tuple[str, int | str | None], ...]

    def is_gzipped(self) -> bool:
        """Return whether it can only be read from its beginning."""
        return self.path.lower().endswith(GZIPPED)

    def opened(self) -> pa.NativeFile:
        """Return a stream of its text."""
        import pyarrow as pa

        system, inner = files.located(self.path)
        file = system.open_input_file(inner)
        return pa.CompressedInputStream(file, "gzip") if self.is_gzipped() else file

    def folder_columns(self, rows: int) -> dict[str, pa.Array]:
        """Return the columns of its folders' names for so many rows."""
        import pyarrow as pa

        return {name: pa.array([value] * rows) for name, value in self.folders}


def text_files(source: str, suffixes: tuple[str, ...], called: str) -> list[TextFile]:
    """Return a file, or the files of some suffixes below a folder.

    Raises:
        InvalidInputError: If there is none.
        StorageError: If the storage refuses.
    """
    found = [(path, size) for path, size in below(source) if (path or source).lower().endswith(suffixes)]
    if not found:
        raise InvalidInputError(
            f"{source} does not exist, or holds no file of {called}, {', '.join(suffixes)}; correct the path"
        )
    return [TextFile(files.join(source, path) if path else source, size, _folders(path)) for path, size in found]


def _folders(path: str) -> tuple[tuple[str, int | str | None], ...]:
    """Return the columns that the names of a path's folders give."""
    named = (folder.partition("=") for folder in path.split("/")[:-1] if "=" in folder)
    return tuple((name, _value(unquote(value))) for name, _, value in named)


def _value(text: str) -> int | str | None:
    """Return the value that a name of a folder gives."""
    if text == NO_VALUE:
        return None
    return int(text) if text.lstrip("-").isdecimal() else text
