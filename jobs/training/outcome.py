"""Outcome of a training over some rows of its corpus: printed, and refused where the codes have collapsed."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from hashcore.errors import LearningError
from hashcore.hashers.outcome import Outcome, measure
from hashcore.labels import Labels
from hashcore.storage import files
from hashcore.training.config import slower
from jobs.config.pipeline import Pipeline
from jobs.config.sections.train import TrainConfig
from jobs.corpora.formats import by_name, corpus
from jobs.telemetry import run_notes
from jobs.training import reading
from jobs.training.source import PREFIX, Source

if TYPE_CHECKING:
    import pyarrow as pa

    from hashcore.hasher import Hasher

log = logging.getLogger(__name__)

Thing = TypeVar("Thing")

ROWS = 2048  # that are looked at
PIECES = 16  # row groups that they are taken from
BATCH_ROWS = 256
MANY = 0.5  # share of triplets ranked wrongly that is worth a warning
WITH_HASH_LAYER = ("linear", "mlp", "nin", "convolutional", "residual")


def judged(hasher: Hasher, source: Source, pipeline: Pipeline) -> str:
    """Return what a hasher has learned, for the line of its job; note its figures, and warn where it is little.

    Raises:
        LearningError: If its codes tell next to nothing apart; it is put aside, and the state of its training removed.
    """
    found, config, aside = look(hasher, source), pipeline.train, f"{pipeline.paths.hasher}.refused"
    run_notes.figures(figures(found, hasher))
    files.remove(aside)
    try:
        refuse_collapsed(found, config, aside)
    except LearningError:
        hasher.save(aside)
        files.remove(pipeline.paths.checkpoints)
        raise
    said = warning(found, hasher, config)
    if said:
        log.warning("train: %s", said)
    return f", {found.told()}"


def look(hasher: Hasher, source: Source) -> Outcome:
    """Return what a hasher makes of some rows of the corpus it was trained on, evenly spread over it."""
    codes: dict[str, list[np.ndarray]] = {name: [] for name in source.inputs}
    seen: dict[str, set[bytes]] = {name: set() for name in source.inputs}
    labels = []
    for rows in spread(source):
        table = reading.decode(rows, source)
        for name in source.inputs:
            codes[name].append(hasher.encode(reading.items(table, source, name), name))
            column = table.column(PREFIX + name).to_pylist()
            seen[name] |= {hashlib.blake2b(value, digest_size=16).digest() for value in column}
        if source.read.labels is not None:
            labels.append(Labels.from_arrow(table.column("labels")))
    joined = {name: np.concatenate(parts) for name, parts in codes.items()}
    known = Labels.concatenate(labels) if source.read.labels is not None else None
    return measure(joined, {name: len(each) for name, each in seen.items()}, hasher.code_length, known)


def spread(source: Source, rows: int = ROWS, pieces: int = PIECES) -> Iterator[pa.Table]:
    """Yield about so many rows, some at a time, from parts and pieces that are evenly spread over a corpus.

    Args:
        source: The corpus.
        rows: To yield, about.
        pieces: Parts, and pieces of all of them together, that are opened at most.
    """
    import pyarrow as pa

    parts = by_name.open_corpus(source.path, source.format).parts
    chosen_parts = _evenly(parts, pieces)
    each = max(1, pieces // len(chosen_parts))
    chosen_pieces = [piece for part in chosen_parts for piece in _evenly(part.pieces(-(-part.size // pieces)), each)]
    a_byte = source.rows / max(1, sum(part.size for part in parts))
    known = [piece.rows() for piece in chosen_pieces]
    held = sum(piece.size * a_byte if of is None else of for of, piece in zip(known, chosen_pieces, strict=True))
    stride, first = max(1, int(held) // rows), 0
    for piece in chosen_pieces:
        for batch in corpus.raw_batches(source.read, piece, BATCH_ROWS * stride):
            chosen = np.arange(-first % stride, len(batch), stride)
            first += len(batch)
            yield pa.Table.from_batches([batch]).take(pa.array(chosen))


def _evenly(things: Sequence[Thing], most: int) -> list[Thing]:
    """Return at most so many of some things, evenly spread."""
    places = np.unique(np.linspace(0, len(things) - 1, min(most, len(things))).astype(int))
    return [things[place] for place in places.tolist()]


def refuse_collapsed(outcome: Outcome, config: TrainConfig, aside: str) -> None:
    """Raise LearningError if a hasher's codes tell next to nothing apart.

    Args:
        outcome: Of the hasher.
        config: Of its training.
        aside: Where it lies, in case it is wanted all the same.
    """
    if outcome.is_collapsed:
        raise LearningError(
            f"the hasher has collapsed: {outcome.told()}, over {outcome.items:,} rows; {advice(outcome, config)}; it "
            f"lies in {aside}, if you want it all the same: --set paths.hasher={aside}"
        )


def warning(outcome: Outcome, hasher: Hasher, config: TrainConfig) -> str | None:
    """Return a line about a hasher that has learned little, None where there is nothing to warn of."""
    violating = figures(outcome, hasher).get("violating") or 0.0
    if violating <= MANY and not outcome.has_few_codes and not outcome.constant_bits:
        return None
    found = [f"{violating:.0%} of triplets are ranked wrongly"] if violating > MANY else []
    found += [f"{outcome.constant_bits} of {outcome.code_length} bits are constant"] if outcome.constant_bits else []
    found += [f"there are {outcome.distinct_codes:,} distinct codes"] if outcome.has_few_codes else []
    return f"the hasher has learned little: {', '.join(found)}; {advice(outcome, config)}"


def figures(outcome: Outcome, hasher: Hasher) -> dict[str, float]:
    """Return the figures of a training by name, those that there are."""
    last = (hasher.provenance.get("history") or [{}])[-1]
    learned = {key: last.get(key) for key in ("loss", "violating", "validation_loss", "validation_violating")}
    found = {**learned, **outcome.model_dump(exclude={"code_length"})}
    return {key: float(value) for key, value in found.items() if value is not None}


def advice(outcome: Outcome, config: TrainConfig) -> str:
    """Return what to try next."""
    if config.method != "network":
        other = "sh" if config.method == "itq" else "itq"
        return f"try another method, such as --set train.method={other}, or --set train.method=network with labels"
    adamw = "--set 'train.optimizer={name: adamw}'"
    options = [adamw if config.optimizer.name == "sgd" else slower(config.optimizer)]
    network = (next(iter(config.modalities.values())).network if config.modalities else None) or config.network
    if outcome.constant_bits and not config.standardized and network.name in WITH_HASH_LAYER:
        options.append("--set train.standardized=true")
    return f"try {' '.join(options)}"
