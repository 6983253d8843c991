"""Codes of a database and of queries, a pipeline that indexes and searches them, and runs that end early."""

from __future__ import annotations

from small_codes import make

from jobs.config.pipeline import Pipeline

DATABASE_FILES, QUERY_FILES = (30, 0, 21), (4, 3)


def pipeline(root, *, rows_per_shard=20, check_ids=True, **question):
    return Pipeline.model_validate(
        {
            "name": "a",
            "root": str(root),
            "index": {"rows_per_shard": rows_per_shard, "check_ids": check_ids},
            "search": {"queries_per_task": 3, **question},
        }
    )


def make_both(root, code_length=64):
    """Write codes of a database and of queries, some of which are the same."""
    database = make(root / "codes" / "database", files=DATABASE_FILES, code_length=code_length)
    return database, make(root / "codes" / "queries", files=QUERY_FILES, code_length=code_length)


def killed_after(function, calls):
    """Return the function as one that a kill ends after some calls, and the list of calls that went through."""
    went = []

    def counted(*arguments, **keywords):
        if len(went) == calls:
            raise KeyboardInterrupt
        went.append(arguments)
        return function(*arguments, **keywords)

    return counted, went
