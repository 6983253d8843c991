"""Paths of a pipeline's outputs: each lies below the pipeline's root unless it is given by itself."""

from __future__ import annotations

import os
from typing import Annotated

from pydantic import AfterValidator

from hashcore.errors import InvalidInputError
from hashcore.spec import Spec
from hashcore.storage.places import is_object, place


def absolute(path: str) -> str:
    """Return a path as every process sees it, absolute; or the URI of an object."""
    found = place(path)
    return found if is_object(found) else os.path.abspath(found)


GENERATION = "{generation}"
OF_GENERATION = ("neighbors", "metrics", "report")

Place = Annotated[str, AfterValidator(absolute)]  # tasks may run elsewhere than the driver


class Paths(Spec):
    """Places of a pipeline's outputs; `Paths.below(root)` gives the usual."""

    corpus_train: Place
    """Parquet directory that the hasher learns from."""
    corpus_database: Place
    """Corpus to encode and index."""
    corpus_queries: Place
    """Corpus of held-out queries."""
    checkpoints: Place
    """Training state; a killed training resumes from here."""
    hasher: Place
    """Directory of the trained hasher."""
    codes_database: Place
    """Codes of the database: `codes.json`, `data/` and `rejected/`."""
    codes_queries: Place
    """Codes of the queries, laid out alike."""
    index: Place
    """Root of the index: shards, manifests and `CURRENT`."""
    neighbors: Place
    """Parquet directory of search results; `{generation}` in it stands for the index's, as in two fields below."""
    metrics: Place
    """JSON file of the figures."""
    report: Place
    """HTML file that shows them."""

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
        return {name: f"{root.rstrip('/')}/{usual}" for name, usual in places.items()}

    def name_generation(self) -> bool:
        """Return whether a path holds the generation of the index that it is made from."""
        return any(GENERATION in getattr(self, name) for name in OF_GENERATION)

    def of_generation(self, generation: int) -> Paths:
        """Return the paths with a generation's number where they ask for it."""
        named = {name: getattr(self, name).replace(GENERATION, str(generation)) for name in OF_GENERATION}
        return self.model_copy(update=named)

    def corpus(self, part: str) -> str:
        """Return the corpus of one part: train, database or queries."""
        return _of(part, train=self.corpus_train, database=self.corpus_database, queries=self.corpus_queries)

    def codes(self, part: str) -> str:
        """Return the codes directory of one part: database or queries."""
        return _of(part, database=self.codes_database, queries=self.codes_queries)


def _of(part: str, **places: str) -> str:
    """Return the place of a part.

    Raises:
        InvalidInputError: If there is no such part.
    """
    if part not in places:
        raise InvalidInputError(f"part={part} is unknown; use one of {', '.join(places)}")
    return places[part]
