"""Rows that are set aside are counted by reason, the commonest told first; distinct codes are counted in passing."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from jobs.stages import distinct
from jobs.stages.distinct import Distinct
from jobs.stages.rejects import MOST, OTHERS, Rejects


def rejects(*rows):
    return Rejects.of(pa.table({"id": [id_ for id_, _ in rows], "reason": [reason for _, reason in rows]}))


def test_the_commonest_reasons_are_told_first_with_the_first_of_their_ids():
    parts = [rejects(*((id_, "null") for id_ in range(9, start, -1))) for start in (7, 1)]
    parts.append(rejects((1, "too small"), (2, "broken"), (3, "too dark"), (4, "too dark")))
    assert Rejects.total(parts).told() == (
        "null: 10 rows (ids 5, 6, 7, 8, 8, …), too dark: 2 rows (ids 3, 4), broken: 1 row (id 2), and 1 more of 1 "
        "other reasons"
    )
    assert Rejects().told() == ""


def test_very_many_reasons_are_counted_as_others():
    parts = [rejects(*((10 * id_ + part, f"reason {id_}") for id_ in range(MOST + 9))) for part in range(2)]
    parts.append(rejects((0, "reason 3")))
    found = Rejects.total([Rejects.total(parts), parts[-1]])
    assert found.rows == 2 * (MOST + 9) + 2
    assert len(found.reasons) == MOST + 1
    assert found.reasons["reason 3"][0] == 4
    assert found.reasons[OTHERS][0] == 2 * 9
    assert sum(number for number, _ in found.reasons.values()) == found.rows


@pytest.mark.parametrize("count", [0, 1, 1000, 20_000])
@pytest.mark.parametrize("width", [1, 2, 8, 9])
def test_distinct_codes_are_counted_exactly_where_they_are_few_and_nearly_where_they_are_many(count, width):
    rng = np.random.default_rng(0)
    packed = rng.integers(0, 256, (count, width), np.uint8)
    wanted = len(np.unique(packed, axis=0)) if count else 0
    parts = [Distinct.of(packed[rng.permutation(count)][: count * 2 // 3]), Distinct.of(packed)]
    found = Distinct.total(parts).number()
    assert found == wanted if wanted < distinct.KEPT else abs(found / wanted - 1) < 0.1


def test_few_distinct_codes_are_told_by_what_a_code_could_tell_apart():
    assert distinct.told(30, 600, 64) is None
    assert distinct.told(29, 600, 64) == (
        "600 items have only 29 distinct codes, 4.8 % (under 5 %): items of one code cannot be told apart"
    )
    assert distinct.told(1, 600, 64).startswith("600 items have only 1 distinct code, 0.17 %")
    assert distinct.told(200, 10**6, 8) is None  # of 256
