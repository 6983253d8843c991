"""The errors a user can meet. Each message says what was given, why it is wrong, what is allowed and what to do."""


class HashcoreError(Exception):
    """Base of every error this project raises on purpose; its text is one line that a person can act on."""


class InvalidInputError(HashcoreError, ValueError):
    """An argument or a column does not fit: wrong shape, length, range or type."""


class ConfigError(HashcoreError, ValueError):
    """A configuration file does not describe a pipeline: unknown key, wrong type, impossible combination."""


class LearningError(ConfigError):
    """A training came to nothing: its numbers overflow, or its codes tell nothing apart; the message says what next."""


class MissingExtraError(HashcoreError, ImportError):
    """An optional library is not installed; the message holds the command that installs it."""


class StaleBuildError(HashcoreError, ImportError):
    """A native module is not built from the sources beside it; the message holds what to type."""


class OutputError(HashcoreError, OSError):
    """An output cannot be written, or already holds what another pipeline wrote."""


class LostRaceError(OutputError):
    """Another writer committed first; nothing of either is lost, and the change may be repeated."""


class StorageError(HashcoreError, OSError):
    """Storage cannot be reached, refuses, or cannot promise what is asked; the message holds the URI and its answer."""


class TaskError(HashcoreError, RuntimeError):
    """A task of a job failed however often it was tried; the message holds task, input file and rows, and its error."""


class CorruptIndexError(HashcoreError, OSError):
    """Bytes of an index do not say what they must; the message holds path, expected and got."""


class MissingFileError(CorruptIndexError):
    """A file that an index lists is not there."""


class CorruptHasherError(HashcoreError, OSError):
    """Bytes of a hasher do not say what they must; the message holds path, expected and got."""


class UnknownFormatError(CorruptIndexError):
    """A file of an index or a hasher is of a format version that this reader does not know."""


def require(module: str, extra: str) -> None:
    """Raise `MissingExtraError` unless `module` can be imported.

    Args:
        module: Name of the module that is needed now.
        extra: The extra of this distribution that installs it.

    Raises:
        MissingExtraError: With the pip command to type.
    """
    from importlib.util import find_spec

    if find_spec(module) is None:
        raise MissingExtraError(f"{module} is not installed; type: pip install 'hashcore[{extra}]'")


def brief(value: object, most: int = 120) -> str:
    r"""Return a value that a file holds as an error shows it: on one line, cut where it is long.

    >>> brief("two\nlines"), brief([0] * 100, 7)
    ("'two\\nlines'", '[0, 0, …')
    """
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # nested too deep, or a number of too many digits
        text = type(value).__name__
    return text if len(text) <= most else f"{text[:most]}…"


def one_line(said: object, most: int | None = 200) -> str:
    r"""Return what an error says, or any text, as one printable line, cut where it is longer than `most` letters.

    >>> one_line("two\nlines"), one_line("a" * 9, 6), one_line("\x07 rings")
    ('two lines', 'aaa...', '? rings')
    """
    text = " ".join(str(said).split())
    text = text if most is None or len(text) <= most else f"{text[: most - 3]}..."
    return "".join(letter if letter.isprintable() else "?" for letter in text)
