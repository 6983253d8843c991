"""Ctrl-C as errors tell it."""

from __future__ import annotations


def was_interrupted(error: BaseException | None) -> bool:
    """Return whether an error is, or came up while Python dealt with, a KeyboardInterrupt."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None
