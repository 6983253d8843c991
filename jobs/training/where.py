"""The place of a training: this process, or Ray where several workers, a Ray or the configuration ask for it."""

from __future__ import annotations

import os
import sys

from jobs.config.pipeline import Pipeline
from jobs.engine import memory
from jobs.training.source import Source

COPIES = 2  # of the decoded rows: as they are read, and in the order of their ids


def settled(pipeline: Pipeline) -> Pipeline:
    """Return the pipeline with `train.in_process` decided where it is not said."""
    if pipeline.train.in_process is not None:
        return pipeline
    here = pipeline.train.model_copy(update={"in_process": not why_ray(pipeline)})
    return pipeline.model_copy(update={"train": here})


def why_ray(pipeline: Pipeline) -> str:
    """Return why a training is on Ray; "" where it is in this process."""
    train = pipeline.train
    if train.in_process is not None:
        return "" if train.in_process else "train.in_process=false"
    if train.workers > 1:
        return f"train.workers={train.workers}"
    if address := os.environ.get("RAY_ADDRESS"):
        return f"RAY_ADDRESS={address}"
    if "ray" in sys.modules:
        import ray

        return "a Ray runs here" if ray.is_initialized() else ""
    return ""


def tell(asked: Pipeline, source: Source) -> None:
    """Say where a network is trained, and why.

    Args:
        asked: The pipeline as it was given, whose `train.in_process` may be none.
        source: What is learned from.

    Raises:
        ConfigError: If this process was chosen and the rows do not fit its memory.
    """
    if why := why_ray(asked):
        print(f"train: on Ray ({why})")
        return
    if asked.train.in_process:
        print("train: in this process (train.in_process=true)")
        return
    projected = memory.WITH_TORCH_BYTES + COPIES * source.rows * source.row_bytes()
    memory.promise("train", projected, asked.spark, "read the rows in pieces on Ray by --set train.in_process=false")
    print(f"train: in this process ({source.rows:,} rows, one worker; --set train.in_process=false for Ray)")
