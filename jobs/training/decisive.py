"""Keys and inputs that decide a trained hasher; how fast and where it runs does not."""

from __future__ import annotations

from hashcore.networks.own_source import sources
from jobs.config.pipeline import Pipeline
from jobs.stages import records
from jobs.training.source import labels_of, reads_several

OF_THE_RUN = {"max_rejected_share", "max_failures", "min_workers", "threads", "gpu", "reader", "tracking"}
"""Keys of `train` that no weight is meant to depend on, so that an interrupted training goes on under others."""
OF_IMAGES = ("channels", "size", "resize", "interpolation")
OF_ITEMS = {"modality", "column", "modalities", *OF_IMAGES}


def keys(pipeline: Pipeline) -> list[str]:
    """Return the keys of the configuration that decide the hasher of a pipeline."""
    train = pipeline.train
    items = ["modalities"] if reads_several(train) else ["modality", "column"]
    if train.method == "identity-tags":
        return [f"train.{key}" for key in ("method", *items)]
    items += OF_IMAGES
    learning = ["code_length", "seed", "sample_rows", *(["preprocessing.center"] if train.method == "sign" else [])]
    if train.method == "network":
        unread = {*OF_THE_RUN, *OF_ITEMS, "method", "judgements", "sample_rows"}  # of judgements the content counts
        unread |= {"workers", "window_bytes"} if train.in_process else set()
        learning = [key for key in type(train).model_fields if key not in unread]
    labels = ["corpus.labels", "corpus.labels_as"] if labels_of(pipeline) else []
    return [*(f"train.{key}" for key in ("method", *items, *learning)), "corpus.id", "corpus.id_as", *labels]


def inputs(pipeline: Pipeline) -> dict[str, str]:
    """Return the fingerprint of each input of a training by its name.

    Raises:
        InvalidInputError: If the corpus, or a file of judgements, is not there.
    """
    train = pipeline.train
    found = {"corpus": records.fingerprint_of(pipeline.paths.corpus_train)}
    if train.method == "network":
        if train.judgements is not None:
            found["judgements"] = records.fingerprint_of(train.judgements)
        for module in train.modules():
            found |= {f"source of {name}": digest for name, digest in sources(module).items()}
    return found
