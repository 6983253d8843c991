"""The figures of each epoch for those who watch them in TensorBoard or MLflow."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hashcore.errors import require
from hashcore.storage import files
from jobs.config.sections.train import Tracking

if TYPE_CHECKING:
    from hashcore.training.checkpoint import Epoch

MODULES = {"tensorboard": "tensorboardX", "mlflow": "mlflow"}


class Place(NamedTuple):
    """Place of the figures: a folder that the workers share, and the name of the pipeline."""

    folder: str
    name: str


def check(tracking: Tracking | None) -> None:
    """Raise MissingExtraError if what is asked for is not installed."""
    if tracking is not None:
        require(MODULES[tracking], "tracking")


def track(tracking: Tracking | None, place: Place, epoch: Epoch) -> None:
    """Write the figures of an epoch: below the folder for TensorBoard, to $MLFLOW_TRACKING_URI for MLflow.

    An epoch that is run again after an interruption is written again; both show the later one.
    """
    figures = {
        name: float(value)
        for name, value in epoch.model_dump(exclude={"epoch"}).items()
        if isinstance(value, (int, float))
    }
    if tracking == "tensorboard":
        from tensorboardX import SummaryWriter

        folder = files.join(place.folder, "tensorboard")
        with SummaryWriter(folder, filename_suffix=f".{epoch.epoch}") as writer:  # only closing writes all there is
            for name, value in figures.items():
                writer.add_scalar(f"train/{name}", value, epoch.epoch)
    if tracking == "mlflow":
        import mlflow

        mlflow.set_experiment(place.name)
        with mlflow.start_run(run_id=_run_of(place)):
            mlflow.log_metrics(figures, step=epoch.epoch)


def _run_of(place: Place) -> str:
    """Return the MLflow run of a training, which a file in its folder remembers; begun if there is none."""
    import mlflow

    memory = files.join(place.folder, "mlflow-run")
    known = files.read_bytes(memory)
    if known is not None:
        return known.decode()
    with mlflow.start_run(run_name=place.name) as run:
        files.write_bytes(memory, run.info.run_id.encode())
        return str(run.info.run_id)
