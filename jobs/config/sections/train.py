"""The section `train`: how the hasher is trained, and where."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt, model_validator

from hashcore.classical.spec import LEARN_FROM_LABELS, METHODS, OF_TWO_MODALITIES, Method
from hashcore.inputs.image_resizing import Interpolation
from hashcore.inputs.input import Resizing
from hashcore.training.config import TrainingConfig

ReaderName = Literal["arrow", "ray", "petastorm"]
Tracking = Literal["tensorboard", "mlflow"]


class TrainConfig(TrainingConfig):
    """Training of the hasher."""

    method: Literal["network", "identity-tags"] | Method = Field(
        default="network",
        description="`network`; a classical hash, which takes only `code_length` and `seed`, and `sign` "
        "`preprocessing.center` as well "
        f"({', '.join(each for each in METHODS if each not in LEARN_FROM_LABELS)} need no labels; "
        f"{', '.join(each for each in METHODS if each in OF_TWO_MODALITIES)} take two `modalities`); or "
        "`identity-tags`, a bit for each tag, which takes nothing.",
    )
    modality: str = Field(default="image", pattern=r"^[A-Za-z0-9_-]+$")
    """Name of what the hasher reads, where `modalities` names none."""
    column: str | None = None
    """Column that holds the items; none means that it is named like the modality, as those of `modalities` are."""
    channels: Literal[1, 3] | None = None
    """Channels that images are read with: 1 grey, 3 red, green and blue; none looks at some of them."""
    size: tuple[PositiveInt, PositiveInt] | None = None
    """Height and width that images are read with, such as [28, 28]; none takes what most of some have, or, where images
    of several sizes are resized and most have none or a larger one, [64, 64]."""
    resize: Resizing = "auto"
    """How images of every size become of one: `crop` scales to cover it and cuts out the centre, `stretch` changes the
    proportions, `pad` scales to fit in and adds white; `none` refuses images of another size. `auto` is `none` where
    all of some images have the size, else `crop`."""
    interpolation: Interpolation = "bilinear"
    """Filter that images are resized with."""
    judgements: str | None = None
    """Parquet of judged pairs (left, right, similar) or triplets (anchor, positive, negative) of ids, in place of
    labels; every worker then holds all rows and takes a share of the judgements."""
    sample_rows: int | None = Field(default=100_000, ge=1)
    """Rows that a classical method is fitted to, spread over the corpus; null takes all, and holds them in memory."""
    in_process: bool | None = None
    """Train here, without Ray; none does with one worker, unless RAY_ADDRESS names a Ray."""
    reader: ReaderName = "arrow"
    """Who reads the rows of a training in this process; petastorm needs an environment of its own."""
    workers: int = Field(default=1, ge=1)
    """Workers; several are Ray's: each takes a share of the rows and a CPU, and one CPU more reads the corpus."""
    min_workers: int | None = Field(default=None, ge=1)
    """Workers with which Ray goes on when there are no more, growing again when there are; none waits for all."""
    gpu: bool = False
    """Give each worker a GPU; in this process, train on the machine's own."""
    threads: int = Field(default=1, ge=1)
    """Threads of a matrix product; more pay for big networks on cores that nothing else uses."""
    window_bytes: int = Field(default=1 << 30, ge=1 << 20)
    """Decoded items that a worker holds; a share that fits is read once, a larger one again in every epoch."""
    max_rejected_share: float = Field(default=0.01, ge=0, le=1)
    """Share of bad rows beyond which the job fails."""
    max_failures: int = Field(default=0, ge=0)
    """Lost workers after which Ray goes on from the last epoch by itself; the next run of the job always does."""
    tracking: Tracking | None = None
    """Also write the figures of each epoch for TensorBoard, beside the checkpoints, or to the MLflow server."""

    @model_validator(mode="after")
    def _not_more_than_most(self) -> TrainConfig:
        """Refuse more workers at least than at most."""
        if self.min_workers and self.min_workers > self.workers:
            raise ValueError(f"min_workers={self.min_workers} exceeds workers={self.workers}; lower it")
        return self

    @model_validator(mode="after")
    def _says_its_bits(self) -> TrainConfig:
        """Refuse signs of the first 64 components of longer embeddings, unless these are meant."""
        if self.method == "sign" and "code_length" not in self.model_fields_set:
            raise ValueError("method=sign takes a bit from each of the first code_length components; give code_length")
        return self

    def training(self) -> TrainingConfig:
        """Return what decides the weights."""
        return TrainingConfig.model_validate(self.model_dump(include=set(TrainingConfig.model_fields)))
