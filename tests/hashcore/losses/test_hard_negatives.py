"""Mining within a mini-batch, on codes whose distances the eye can check."""

from __future__ import annotations

import torch

from hashcore.losses.hard_negatives import hamming_distances, hard_negatives, violations
from hashcore.losses.triplets import Triplets

F = torch.tensor([[1.0, 1, 1, 1], [1, 1, 1, -1], [-1, -1, 1, 1], [1, 1, -1, -1], [-1, -1, -1, -1]])
CLASSES = torch.tensor([0, 0, 1, 1, 1])
RELATED = CLASSES[:, None] == CLASSES


def test_distances_are_counted_in_bits_and_zero_is_a_negative_bit():
    assert hamming_distances(F)[0].tolist() == [0, 1, 2, 2, 4]
    assert hamming_distances(torch.tensor([[0.0, 1.0], [-1.0, 1.0]])).tolist() == [[0, 0], [0, 0]]


def test_the_negative_is_the_nearest_unrelated_row_and_the_first_of_equals():
    drawn = Triplets(torch.tensor([0, 1, 2, 4]), torch.tensor([1, 0, 3, 2]), torch.tensor([4, 4, 0, 1]))
    mined = hard_negatives(F, drawn, RELATED)
    assert mined.negatives.tolist() == [2, 3, 0, 1]
    assert torch.equal(mined.anchors, drawn.anchors)
    assert torch.equal(mined.positives, drawn.positives)


def test_rows_without_an_unrelated_row_leave_the_batch():
    related = RELATED.clone()
    related[2] = True
    drawn = Triplets(torch.tensor([0, 2]), torch.tensor([1, 3]), torch.tensor([4, 0]))
    assert hard_negatives(F, drawn, related).anchors.tolist() == [0]


def test_mining_leaves_no_trace_in_the_gradient():
    f = F.clone().requires_grad_()
    mined = hard_negatives(f, Triplets(*torch.tensor([[0], [1], [4]])), RELATED)
    assert not any(part.requires_grad for part in mined)


def test_violations_are_counted_in_bits():
    triplets = Triplets(torch.tensor([0, 0, 2]), torch.tensor([1, 2, 4]), torch.tensor([4, 3, 0]))
    assert violations(F, triplets).tolist() == [0, 1, 1]  # 1 − 4 + 1, 2 − 2 + 1, 2 − 2 + 1
