"""Train the hasher: in this process, or on Ray with several workers; either way the same steps."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from hashcore.classical.spec import Method
from hashcore.errors import HashcoreError, LearningError, require
from hashcore.inputs.images import ImageInput
from hashcore.labels import Labels
from hashcore.storage import files
from jobs import cli
from jobs.config.pipeline import Pipeline
from jobs.corpora import standard_sets
from jobs.stages import outputs, records, rejects
from jobs.stages.claim import claimed
from jobs.stages.rejects import Rejects
from jobs.stages.stage import Stage
from jobs.telemetry.progress import Progress, duration
from jobs.telemetry.run_notes import recorded
from jobs.training import decisive, reading, tracking, where
from jobs.training.source import Source, find, tag_column
from jobs.training.tracking import Place

if TYPE_CHECKING:
    from hashcore.hasher import Hasher

REJECTED = "rejected"


@recorded
def run(pipeline: Pipeline) -> None:
    """Train the hasher of a pipeline, going on from its last finished epoch if it was interrupted.

    Raises:
        ConfigError: If workers are asked for that there are no CPUs or GPUs for, or the method needs labels and has
            none.
        InvalidInputError: If the corpus cannot be learned from.
        OutputError: If a place holds another pipeline's output, or cannot be written.
    """
    require("torch", "train")
    from jobs.training import outcome

    standard_sets.run(pipeline)
    asked, pipeline = pipeline, where.settled(pipeline)
    stage = Stage.of(pipeline, "train", pipeline.paths.hasher, decisive.keys(pipeline), decisive.inputs(pipeline))
    if stage.is_done():
        return
    place = rejects.place_of(pipeline.paths.hasher)
    if not _is_begun(pipeline.paths.checkpoints):
        files.remove(place)  # of a run that ended without an output
    source = None if pipeline.train.method == "identity-tags" else find(pipeline)
    if source and pipeline.train.method == "network":
        where.tell(asked, source)
    hasher, rejected = _hasher(pipeline, stage.record, source), rejects.read(place)
    hasher, sized = _reading_as(hasher, source), _sized(source)
    learned = outcome.judged(hasher, source, pipeline) if source else ""
    of = _sampled(pipeline, source)
    with stage.writing() as staging:
        hasher.save(staging)
        rejects.add(rejected, files.join(staging, REJECTED), "part-00000")
    files.remove(place)
    told = f", {len(rejected):,} rejected: {Rejects.of(rejected).told()}" if len(rejected) else ""
    stage.done(f"{_summary(hasher, of)}{sized}{learned}{told}", hasher.provenance["rows"], len(rejected))


def _hasher(pipeline: Pipeline, record: records.Record, source: Source | None) -> Hasher:
    """Make the hasher by the method that was chosen."""
    method = pipeline.train.method
    if method == "identity-tags" or source is None:
        from hashcore.hashers import identity_tags

        return identity_tags.fit(tag_column(pipeline), modality=pipeline.train.modality)
    return _learn(pipeline, source, record) if method == "network" else _fit_classical(method, pipeline, source)


def _reading_as(hasher: Hasher, source: Source | None) -> Hasher:
    """Return a hasher that reads items as its training did, which it knows by their shapes alone."""
    inputs = source.inputs if source else {}
    described = {
        name: modality.model_copy(update={"input": inputs.get(name, modality.input)})
        for name, modality in hasher.modalities.items()
    }
    return replace(hasher, modalities=described)


def _sized(source: Source | None) -> str:
    """Return in words how images of other sizes become of one, for the line of the job."""
    told = [
        f", images of every size by {each.resize.mode} to {each.height} x {each.width} ({each.resize.interpolation})"
        for each in (source.inputs.values() if source else ())
        if isinstance(each, ImageInput) and each.resize is not None
    ]
    return "".join(told)


def _learn(pipeline: Pipeline, source: Source, record: records.Record) -> Hasher:
    """Train a network, keeping its state after each epoch in a folder that this training claims for itself."""
    folder = pipeline.paths.checkpoints
    tracking.check(pipeline.train.tracking)
    with claimed(folder, folder):
        outputs.is_finished(folder, record)  # refuses another training's state
        with outputs.growing(folder, record):
            pass
        return _learned(pipeline, source, folder)


def _learned(pipeline: Pipeline, source: Source, folder: str) -> Hasher:
    """Train a network; a failure before the first epoch's end leaves the folder to a corrected run."""
    try:
        if pipeline.train.in_process:
            return _fit_here(pipeline, source)
        from jobs.training import on_ray

        return on_ray.fit(pipeline, source)
    except HashcoreError as error:
        if isinstance(error, LearningError) or not _is_begun(folder):  # leave the place to a corrected run
            with suppress(OSError):
                files.remove(folder)
        raise


def _is_begun(checkpoints: str) -> bool:
    """Return whether a folder holds the state of a training after its first epoch, or later."""
    return any(name.endswith(".safetensors") for name in files.listing(checkpoints, deep=True))


def _fit_here(pipeline: Pipeline, source: Source) -> Hasher:
    """Train in this process."""
    import torch

    from hashcore.machine.devices import check_device
    from hashcore.training import fit

    config = pipeline.train
    device = "cuda" if config.gpu else "cpu"
    check_device(device, "train.gpu=true")
    torch.set_num_threads(config.threads)
    table = reading.read(source, config, rejects.place_of(pipeline.paths.hasher))
    window = reading.window(table, source, config)
    with Progress("train", total=config.epochs * source.anchors, unit="items") as progress:
        return fit(
            {name: values.numpy() for name, values in window.items.items()},
            window.supervision,
            config.training(),
            checkpoints=pipeline.paths.checkpoints,
            device=device,
            on_batch=progress.advance,
            on_epoch=partial(tracking.track, config.tracking, Place(pipeline.paths.checkpoints, pipeline.name)),
        )


def _fit_classical(method: Method, pipeline: Pipeline, source: Source) -> Hasher:
    """Fit a classical hash to a sample of the rows, in this process."""
    from hashcore.classical import by_name

    config = pipeline.train
    table = reading.read_sample(source, config, rejects.place_of(pipeline.paths.hasher))
    labels = Labels.from_arrow(table.column("labels")) if source.read.labels else None
    items = {name: reading.items(table, source, name) for name in source.inputs}
    center = config.preprocessing.center
    return by_name.fit(method, items, config.code_length, labels, seed=config.seed, center=center)


def _sampled(pipeline: Pipeline, source: Source | None) -> str:
    """Return of how many rows those are a sample that a classical method is fitted to; "" where it is fitted to all."""
    most = pipeline.train.sample_rows
    is_sample = source is not None and pipeline.train.method != "network" and most is not None and most < source.rows
    return f" of {source.rows:,}" if is_sample and source is not None else ""


def _summary(hasher: Hasher, of: str) -> str:
    """Return in a line what was learned, and how well."""
    history, rows = hasher.provenance.get("history"), hasher.provenance["rows"]
    text = f"{hasher.code_length} bits from {rows:,}{of} items by {hasher.provenance['method']}"
    if not history:
        return text
    last, seconds = history[-1], sum(epoch["seconds"] for epoch in history)
    return (
        f"{text}, {len(history)} epochs in {duration(seconds)}, {last['items_per_s']:,.0f} items/s, "
        f"loss {last['loss']:.4f}"
        + (f", {last['violating']:.2%} of triplets ranked wrongly" if last["violating"] is not None else "")
        + (f", {held_out:.2%} of those held out" if (held_out := last["validation_violating"]) is not None else "")
    )


if __name__ == "__main__":
    cli.script("train")
