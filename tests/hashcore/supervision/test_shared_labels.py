"""Drawing triplets from labels: every one is what it claims to be, every row has its turn, and the seed decides."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hashcore.errors import InvalidInputError
from hashcore.labels import Labels
from hashcore.supervision.shared_labels import draw_positives, share_label, supervise

CLASSES = Labels.from_lists([[c] for c in (5, 5, 9, 9, 9, 5, 7)])  # row 6 is alone in its class
MULTI = Labels.from_lists([[1, 2], [2], [], [1, 3, 1], [3], [4], [2, 3]])


def share(labels, a, b):
    return bool(set(labels.of(a).tolist()) & set(labels.of(b).tolist()))


def generator(seed=0):
    return np.random.default_rng(seed)


def drawn(labels, batch_size=4, seed=0):
    return list(supervise(labels).batches(batch_size, generator(seed)))


label_sets = st.lists(st.lists(st.integers(0, 6), max_size=3), min_size=2, max_size=20)


@given(label_sets, st.integers(4, 16), st.integers(0, 99))
def test_every_triplet_is_what_it_claims_to_be(rows, batch_size, seed):
    labels = Labels.from_lists(rows)
    try:
        supervise(labels)
    except InvalidInputError:
        assume(False)
    for batch in drawn(labels, batch_size, seed):
        assert len(batch.rows) == 2 * (batch_size // 2)
        assert batch.anchors.tolist() == list(range(len(batch.rows)))
        for anchor, positive, negative in zip(batch.anchors, batch.positives, batch.negatives, strict=True):
            x, x_plus, x_minus = batch.rows[anchor], batch.rows[positive], batch.rows[negative]
            assert x != x_plus
            assert share(labels, x, x_plus)
            unrelated = [row for row in batch.rows if row != x and not share(labels, x, row)]
            assert (negative == -1) == (not unrelated)
            assert negative == -1 or x_minus in unrelated
        related = share_label(labels, batch.rows)
        assert np.array_equal(batch.similarity, np.where(related, 1, -1))
        assert all(set(batch.labels.of(i)) == set(labels.of(row)) for i, row in enumerate(batch.rows))


@pytest.mark.parametrize("labels", [CLASSES, MULTI])
def test_related_rows_are_those_that_share_a_label(labels):
    rows = np.array([3, 0, 6, 3, 1, 4, 5])
    wanted = [[a == b or share(labels, a, b) for b in rows] for a in rows]
    assert share_label(labels, rows).tolist() == wanted


def test_every_row_that_shares_a_label_is_an_anchor_once_an_epoch():
    labels = Labels.from_lists([[c] for c in np.random.default_rng(0).integers(0, 3, 40)])
    anchors = Counter(row for batch in drawn(labels, 8) for row in batch.rows[:4].tolist())
    assert anchors == dict.fromkeys(range(40), 1)


def test_rows_without_a_partner_are_never_drawn():
    rows = {row for seed in range(20) for batch in drawn(CLASSES, 4, seed) for row in batch.rows.tolist()}
    assert rows == {0, 1, 2, 3, 4, 5}
    rows = {row for seed in range(20) for batch in drawn(MULTI, 4, seed) for row in batch.rows.tolist()}
    assert rows == {0, 1, 3, 4, 6}


@pytest.mark.parametrize("rows", [7, 8, 9, 23])
def test_the_number_of_batches_depends_on_the_number_of_rows_alone(rows):
    few = Labels.from_lists([[0], [0], *([i] for i in range(1, rows - 1))])
    many = Labels.from_lists([[i % 2] for i in range(rows)])
    assert len(drawn(few, 6)) == len(drawn(many, 6)) == max(1, rows // 3)


def test_labels_and_partners_have_equal_chances():
    supervision = supervise(Labels.from_lists([[1, 2], [1], [2], [2], [2], [3]]))
    positives = draw_positives(supervision, np.zeros(8000, np.int64), generator())
    shares = {row: count / 8000 for row, count in Counter(positives.tolist()).items()}
    assert shares == pytest.approx({1: 1 / 2, 2: 1 / 6, 3: 1 / 6, 4: 1 / 6}, abs=0.03)


def test_the_seed_decides():
    first, again, other = (np.concatenate([b.rows for b in drawn(CLASSES, 4, seed)]).tolist() for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[], []], "no row has a label"),
        ([[8], [8], []], "all 2 labelled rows share label 8; .* give at least two classes"),
        ([[1, 8], [2, 8]], "all 2 labelled rows share label 8"),
        ([[1], [2], [3, 3]], "none of the 3 labels is shared by two rows"),
    ],
)
def test_labels_that_give_no_triplet_are_refused(rows, message):
    with pytest.raises(InvalidInputError, match=message):
        supervise(Labels.from_lists(rows))
