"""The section `import`: where ready-made codes lie, and how their bits are read."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hashcore.codes import MAX_CODE_LENGTH, MIN_CODE_LENGTH, Kind
from hashcore.spec import Spec
from jobs.config.paths import Place

CodesFormat = Literal["auto", "parquet", "npy", "csv", "json", "b1bin"]
Encoding = Literal["packed", "hex", "integer", "bits"]
BitOrder = Literal["lsb", "msb"]


class ImportConfig(Spec):
    """Import: from ready-made codes to a codes directory."""

    codes: Place | None = None
    """The database: a file or a folder of codes."""
    queries: Place | None = None
    """The queries, alike; none imports the database alone."""
    format: CodesFormat = "auto"
    """Format of the files, which `auto` tells by their names."""
    column: str | None = None
    """Column that holds the codes; none takes the only one that may."""
    id: str | None = None
    """Column of ids, whole numbers or keys; none numbers the rows from 0, and those of the queries too."""
    labels: str | None = None
    """Column of labels, a whole number or a name, or a list of them; none where items have no labels."""
    encoding: Literal["auto"] | Encoding = "auto"
    """How a value holds a code: `packed` bytes, `hex` digits, an `integer` whose bit i is bit i of the code, or `bits`,
    a list of 0/1 or -1/+1 whose element i is bit i. `auto` tells it by the type and a sample."""
    bit_order: BitOrder | None = None
    """First bit of a packed byte, or of two hexadecimal digits: `msb`, the highest, as numpy.packbits and
    sentence-transformers have it; or `lsb`, the lowest, as faiss.IndexLSH has it."""
    signed: bool | None = None
    """Packed bytes are stored less 128, as by `binary` of sentence-transformers; none tells it by type and sample."""
    code_length: int | None = Field(default=None, ge=MIN_CODE_LENGTH, le=MAX_CODE_LENGTH)
    """Bits of a code; none takes all that the codes have."""
    kind: Kind = "dense"
    """Kind of the codes; lists of `bits` of ternary ones hold -1, 0 and +1, and two bits are made of each."""
    max_rejected_share: float = Field(default=0.01, ge=0, le=1)
    """Share of bad rows beyond which the job fails."""
