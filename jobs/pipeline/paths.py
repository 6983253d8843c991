"""Where a pipeline keeps what its stages make: every path lies below the pipeline's root unless given by itself."""

from __future__ import annotations

import os

from pydantic import field_validator

from hashcore import files
from jobs.pipeline.section import Section


class Paths(Section):
    """Places of a pipeline's outputs, absolute, since tasks may run elsewhere; `Paths.below(root)` gives the usual."""

    corpus_train: str
    """Parquet directory that the hasher learns from."""
    corpus_database: str
    """Corpus to encode and index."""
    corpus_queries: str
    """Corpus of held-out queries."""
    checkpoints: str
    """Training state; a killed training resumes from here."""
    hasher: str
    """Directory of the trained hasher."""
    codes_database: str
    """Codes of the database: `codes.json`, `data/` and `rejected/`."""
    codes_queries: str
    """Codes of the queries, laid out alike."""
    index: str
    """Root of the index: shards, manifests and `CURRENT`."""
    neighbors: str
    """Parquet directory of search results."""
    metrics: str
    """JSON file of the figures."""
    report: str
    """HTML file that shows them."""

    @field_validator("*")
    @classmethod
    def _absolute(cls, path: str) -> str:
        """Return a path as every process sees it; a URI stays as it is."""
        return path if files.is_uri(path) else os.path.abspath(path)

    @staticmethod
    def below(root: str) -> dict[str, str]:
        """Return the usual place of every path under `root`."""
        places = {
            "corpus_train": "corpus/train",
            "corpus_database": "corpus/database",
            "corpus_queries": "corpus/queries",
            "checkpoints": "checkpoints",
            "hasher": "hasher",
            "codes_database": "codes/database",
            "codes_queries": "codes/queries",
            "index": "index",
            "neighbors": "neighbors",
            "metrics": "metrics.json",
            "report": "report.html",
        }
        return {name: files.join(root, place) for name, place in places.items()}

    def corpus(self, part: str) -> str:
        """Return the corpus of one part: train, database or queries."""
        return str(getattr(self, f"corpus_{part}"))

    def codes(self, part: str) -> str:
        """Return the codes directory of one part: database or queries."""
        return str(getattr(self, f"codes_{part}"))
