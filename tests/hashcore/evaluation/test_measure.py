"""A measure is what it prints."""

import pkgutil

import numpy as np
import pytest

from hashcore import measures
from hashcore.errors import InvalidInputError
from hashcore.evaluation import measures as files_of_measures
from hashcore.evaluation.measure import Measure, kinds, parse, parse_as
from hashcore.evaluation.measures.precision_at import PrecisionAt
from hashcore.evaluation.measures.precision_within import PrecisionWithin

ITEMS = np.array([[0, 2, 1], [1, 1, 1]])
RELEVANT = np.array([[0, 1, 1], [0, 0, 0]])

FUNCTIONS = {
    "mAP": lambda ties: measures.average_precision(ITEMS, RELEVANT, ties),
    "mAP@2": lambda ties: measures.average_precision(ITEMS, RELEVANT, ties, 2),
    "mAP@2/reachable": lambda ties: measures.average_precision(ITEMS, RELEVANT, ties, 2, denominator="reachable"),
    "mAP@2/retrieved": lambda ties: measures.average_precision(ITEMS, RELEVANT, ties, 2, denominator="retrieved"),
    "P@1": lambda ties: measures.precision_at(ITEMS, RELEVANT, 1, ties),
    "R@1": lambda ties: measures.recall_at(ITEMS, RELEVANT, 1, ties),
    "P(r<=1)": lambda ties: measures.precision_within(ITEMS, RELEVANT, 1),
    "R(r<=0)": lambda ties: measures.recall_within(ITEMS, RELEVANT, 0),
    "F1(r<=1)": lambda ties: measures.f1_within(ITEMS, RELEVANT, 1),
}


@pytest.mark.parametrize("text", FUNCTIONS)
def test_a_measure_prints_as_it_is_typed_and_computes_what_it_names(text):
    measure = parse(text)
    assert str(measure) == text
    assert parse(str(measure)) == measure
    for ties in ("expected", "best", "worst"):
        np.testing.assert_array_equal(measure.per_query(ITEMS, RELEVANT, ties), FUNCTIONS[text](ties))


@pytest.mark.parametrize("text", FUNCTIONS)
def test_a_measure_tells_the_truth_about_queries_without_relevant_items(text):
    value = parse(text).per_query(ITEMS, RELEVANT)[1]
    assert parse(text).without_relevant == ("left out of the mean" if np.isnan(value) else "counts as 0")


def test_ties_matter_unless_a_radius_cuts():
    assert [text for text in FUNCTIONS if not parse(text).has_ties] == ["P(r<=1)", "R(r<=0)", "F1(r<=1)"]


def test_measures_compare_and_hash_as_values():
    assert {parse("P@10"), PrecisionAt(10), parse("P(r<=10)")} == {PrecisionAt(10), PrecisionWithin(10)}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "map",
        "P",
        "R",
        "F1",
        "F1@10",
        "mAP(r<=2)",
        "P@0",
        "P@-1",
        "P(r<2)",
        "mAP@10/hits",
        "P@10/retrieved",
        "mAP/retrieved",
    ],
)
def test_what_no_measure_prints_is_refused_with_the_forms_that_exist(text):
    with pytest.raises(InvalidInputError, match=r"is unknown; use one of mAP, mAP@k"):
        parse(text)


def test_every_measure_has_a_file_and_a_form_of_its_own():
    forms = [form for kind in kinds() for form in kind.forms]
    files = sorted(each.name for each in pkgutil.iter_modules(files_of_measures.__path__))
    assert [kind.__module__.rpartition(".")[2] for kind in kinds()] == files
    assert len(set(forms)) == len(forms) > len(files)
    assert all(str(parse_as(Measure, text)) == text for text in (form.format(k=3, radius=2) for form in forms))
