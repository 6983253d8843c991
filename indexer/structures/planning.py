"""Planning a layout from a sample of codes: the order of bits, and the substrings or blocks to index."""

from __future__ import annotations

from hashcore.arguments import check_whole
from hashcore.codes import Codes, Kind, check_code_length, check_codes, check_kind, unpack
from indexer.structures.bit_order import decorrelating_order, snake_order
from indexer.structures.layout import SCAN_BELOW, Layout
from indexer.structures.lists import MAX_LISTED_SHARE
from indexer.structures.signatures import plan_blocks
from indexer.structures.tables import substrings_for

SPARSE_SCAN_BELOW = 1_000  # the fold table of few codes fits into the cache
SAMPLE_CODES = 20_000


def sample_of(codes: Codes) -> Codes:
    """Return evenly spread codes, about as many as `plan_layout` looks at; uint8, shape (n, bytes)."""
    return codes[:: max(len(codes) // SAMPLE_CODES, 1)]


def plan_layout(
    sample: Codes,
    *,
    code_length: int,
    rows_per_shard: int,
    scan_below: int | None = None,
    kind: Kind = "dense",
    signatures: bool = False,
) -> Layout:
    """Choose the substrings or blocks to index, and a bit order that fills their buckets evenly.

    Dense codes get substrings of about log2(rows_per_shard) bits; sparse and ternary ones a fold table and inverted
    lists and, if asked for, blocks of about as many bits of entropy.

    Args:
        sample: Some codes of the corpus, shape (n, bytes); the more of them, the better the choice.
        code_length: Bits of a code.
        rows_per_shard: Rows that a shard will hold.
        scan_below: A shard of fewer distinct codes gets no tables; None takes what suits the kind.
        kind: Of the codes.
        signatures: Whether sparse codes get tables of block signatures, too: they answer medium radii sooner, in 12
            bytes a distinct code and block.

    Returns:
        The layout; any layout gives exact answers, a good one gives them sooner.
    """
    code_length, rows_per_shard = check_code_length(code_length), check_whole(rows_per_shard, "rows_per_shard", 1)
    scan_below = None if scan_below is None else check_whole(scan_below, "scan_below", 0)
    bits = unpack(check_codes(sample, code_length, "sample")[:SAMPLE_CODES], code_length)
    if check_kind(kind) != "dense":
        order, blocks = plan_blocks(bits, rows_per_shard) if signatures else (snake_order(bits), ())
        return Layout(
            code_length=code_length,
            bit_order=order,
            substrings=(),
            scan_below=SPARSE_SCAN_BELOW if scan_below is None else scan_below,
            folds=True,
            blocks=blocks,
            lists=bool(bits.mean() <= MAX_LISTED_SHARE) if len(bits) else True,
        )
    substrings = substrings_for(code_length, rows_per_shard)
    return Layout(
        code_length=code_length,
        bit_order=decorrelating_order(bits, substrings),
        substrings=substrings,
        scan_below=SCAN_BELOW if scan_below is None else scan_below,
    )
