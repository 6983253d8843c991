"""The section `corpus`: what is learned from, indexed and asked."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hashcore.columns.ids import IdForm
from hashcore.columns.labels import LabelForm
from hashcore.spec import Spec

Content = Literal["images", "features", "gist", "gist512", "hog"]
FormatName = Literal["auto", "parquet", "npy", "images", "webdataset", "json", "csv", "orc"]
TagSource = Literal["mirflickr-tags", "nuswide-concepts"]


class CorpusConfig(Spec):
    """Corpora: the items to learn from, to index, and to ask for."""

    source: Literal["digits", "mnist", "fashion-mnist", "cifar10", "files"] | TagSource = "files"
    """`files` are the user's own, at `paths.corpus_*`; all but the digits are looked for in $HASHCORE_DATA."""
    content: Content | tuple[Content, ...] = "images"
    """`images` are PNG bytes in column `image`, `features` pixels as floats of 0 to 1; `gist` (384 of them), `gist512`
    and `hog` (486 of 32 x 32 pixels) are computed. Several give as many columns, named alike."""
    held_out: int = Field(default=360, ge=1)
    """Queries held out of the digits, in equal shares of every class, or of tags; MNIST brings its own 10,000."""
    seed: int = 0
    """Decides which items are held out."""
    rows_per_file: int = Field(default=8192, ge=1)
    """Rows of one Parquet file of a converted corpus."""
    format: FormatName = "auto"
    """Format of the user's files, which `auto` tells by their names: `parquet`; `npy`, matrices with or without Parquet
    of their rows; a folder of `images`; `webdataset`, tars of samples; `json` lines; `csv`; or `orc`, which Spark
    reads for encoding alone."""
    columns: tuple[str, ...] = ()
    """Columns of numbers that make up an item in CSV; none means all but ids and labels."""
    id: str = "id"
    """Column of ids: whole numbers, or keys, which are texts or bytes."""
    id_as: IdForm | None = None
    """`text` reads ids as texts whatever their type, such as whole numbers beyond int64, decimals or dates."""
    labels: str | None = "labels"
    """Column of labels, a whole number or a name, or a list of them; none where items have no labels."""
    labels_as: LabelForm | None = None
    """What a list of labels holds: `numbers` of classes, or `hot`, a 0 or 1 for each class. None means numbers, and
    lists that may be either are refused."""
