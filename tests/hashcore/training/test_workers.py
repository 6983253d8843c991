"""Batches of two workers, joined: rows, triplets and similarities are those of one batch."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import torch

from hashcore.labels import Labels
from hashcore.supervision.pairs import JudgedPairs
from hashcore.supervision.shared_labels import supervise
from hashcore.training.workers import Workers, joined

LABELS = [
    Labels.from_lists([[1], [1, 2], [2, 9, 40], [], [9], [40]]),
    Labels.from_lists([[40], [40], [1], [1], [7], [7]]),  # fewer labels a row than the other worker's
]


def together(batches):
    """Let two threads join their batches; return what each gets."""
    barrier, slots = Barrier(2, timeout=20), [None, None]

    def work(rank):
        def gather(tensor):
            slots[rank] = tensor
            barrier.wait()
            both = torch.cat(slots)
            barrier.wait()
            return both

        projections = {"a": torch.full((len(batches[rank].rows), 2), float(rank))}
        return joined(projections, batches[rank], Workers(rank=rank, count=2, gather=gather))

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(work, (0, 1)))


def test_rows_of_two_workers_are_related_by_their_labels():
    batches = [next(supervise(labels).batches(6, np.random.default_rng(3))) for labels in LABELS]
    first, second = together(batches)
    sets = [set(LABELS[rank].of(row).tolist()) for rank in (0, 1) for row in batches[rank].rows]
    wanted = [[1 if i == j or a & b else -1 for j, b in enumerate(sets)] for i, a in enumerate(sets)]
    for projections, relations in (first, second):
        assert projections["a"][:, 0].tolist() == [0.0] * 6 + [1.0] * 6
        similarity = torch.tensor(wanted)
        for rank, batch in enumerate(batches):  # a worker's own rows, of which one may come twice, are as it says
            block = slice(6 * rank, 6 * rank + 6)
            similarity[block, block] = torch.from_numpy(batch.similarity).long()
        across = torch.ones(12, 12, dtype=torch.bool)
        across[:6, :6] = across[6:, 6:] = False
        assert torch.equal(relations.similarity[across].long(), similarity[across])
        assert torch.equal(relations.similarity.long(), similarity)
        anchors, positives, negatives = relations.triplets
        assert anchors.tolist() == list(range(12))
        assert positives.tolist() == [*batches[0].positives, *(batches[1].positives + 6)]
        assert all(n == -1 or relations.similarity[a, n] == -1 for a, n in zip(anchors, negatives, strict=True))


def test_nothing_is_known_of_pairs_judged_by_different_workers():
    left, right = np.array([0, 1, 2, 3]), np.array([4, 5, 6, 7])
    pairs = JudgedPairs(left, right, np.array([True, False, True, False]))
    batches = [next(pairs.batches(8, np.random.default_rng(rank))) for rank in (0, 1)]
    (_, relations), _ = together(batches)
    assert torch.equal(relations.similarity[:8, :8], torch.from_numpy(batches[0].similarity))
    assert torch.equal(relations.similarity[8:, 8:], torch.from_numpy(batches[1].similarity))
    assert not relations.similarity[:8, 8:].any() and not relations.similarity[8:, :8].any()
    assert len(relations.triplets.anchors) == 0
