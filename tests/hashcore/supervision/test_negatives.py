"""Mining within a mini-batch, on codes whose distances the eye can check."""

from __future__ import annotations

import torch

from hashcore.hashers.quantization import hamming_distances
from hashcore.supervision.negatives import complete, drawn_negatives, every_negative, hard_negatives, violations
from hashcore.supervision.relations import Relations, Triplets

F = torch.tensor([[1.0, 1, 1, 1], [1, 1, 1, -1], [-1, -1, 1, 1], [1, 1, -1, -1], [-1, -1, -1, -1]])
CLASSES = torch.tensor([0, 0, 1, 1, 1])
SIMILARITY = torch.where(CLASSES[:, None] == CLASSES, 1, -1).to(torch.int8)


ZERO = torch.tensor([[0.0, 1.0], [-1.0, 1.0]])


def test_distances_are_counted_in_bits_and_zero_is_a_negative_bit():
    assert hamming_distances(F, F)[0].tolist() == [0, 1, 2, 2, 4]
    assert hamming_distances(ZERO, ZERO).tolist() == [[0, 0], [0, 0]]


def test_the_negative_is_the_nearest_unrelated_row_and_the_first_of_equals():
    drawn = Triplets(torch.tensor([0, 1, 2, 4]), torch.tensor([1, 0, 3, 2]), torch.tensor([4, 4, 0, 1]))
    mined = hard_negatives(hamming_distances(F, F), Relations(drawn, SIMILARITY))
    assert mined.negatives.tolist() == [2, 3, 0, 1]
    assert torch.equal(mined.anchors, drawn.anchors)
    assert torch.equal(mined.positives, drawn.positives)


def test_rows_without_an_unrelated_row_leave_the_batch():
    similarity = SIMILARITY.clone()
    similarity[2] = 1
    drawn = Triplets(torch.tensor([0, 2]), torch.tensor([1, 3]), torch.tensor([4, 0]))
    assert hard_negatives(hamming_distances(F, F), Relations(drawn, similarity)).anchors.tolist() == [0]


def test_a_row_of_which_nothing_is_known_is_no_negative():
    similarity = SIMILARITY.clone()
    similarity[0, 2] = similarity[1, 3] = 0
    drawn = Triplets(torch.tensor([0, 1]), torch.tensor([1, 0]), torch.tensor([4, 4]))
    mined = hard_negatives(hamming_distances(F, F), Relations(drawn, similarity))
    assert mined.negatives.tolist() == [3, 2]


def test_every_unrelated_row_makes_a_triplet_and_a_row_without_one_makes_none():
    similarity = SIMILARITY.clone()
    similarity[0, 3], similarity[2] = 0, 1
    drawn = Triplets(torch.tensor([0, 2, 1]), torch.tensor([1, 3, 0]), torch.tensor([-1, -1, 3]))
    found = every_negative(Relations(drawn, similarity))
    assert torch.stack(found, 1).tolist() == [[0, 1, 2], [0, 1, 4], [1, 0, 2], [1, 0, 3], [1, 0, 4]]
    assert torch.stack(drawn_negatives(Relations(drawn, similarity)), 1).tolist() == [[1, 0, 3]]


def test_negatives_are_chosen_by_name_and_nothing_else_changes():
    relations = Relations(Triplets(*torch.tensor([[0, 2], [1, 3], [4, -1]])), SIMILARITY)
    f = F.clone().requires_grad_()
    for choice, negatives in {"hard": [2, 0], "drawn": [4], "every": [2, 3, 4, 0, 1]}.items():
        found = complete(choice, f, f, relations, "dense")
        assert found.triplets.negatives.tolist() == negatives
        assert found.similarity is relations.similarity and not found.triplets.negatives.requires_grad


def test_violations_are_counted_in_bits():
    triplets = Triplets(torch.tensor([0, 0, 2]), torch.tensor([1, 2, 4]), torch.tensor([4, 3, 0]))
    assert violations(hamming_distances(F, F), triplets).tolist() == [0, 1, 1]  # 1 − 4 + 1, 2 − 2 + 1, 2 − 2 + 1
