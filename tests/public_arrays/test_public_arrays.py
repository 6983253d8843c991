"""Whatever arrays and numbers reach a public function: it answers rightly or refuses them in one line.

Nothing crashes, reads memory that is not the caller's, or lets NumPy's or nanobind's own errors out. `make
test-sanitized` runs this with native modules that tell every access outside an array.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from public_arrays.callables import HOLDERS, IS_SANITIZED, World, array_parameters, number_parameters, public_callables
from public_arrays.cases import CASES
from public_arrays.forms import ROWS, SAME, SAME_NUMBERS, SAME_OR_REFUSED, WRONG, WRONG_NUMBERS, formed

from hashcore.errors import HashcoreError

REFUSED = "refused"
EXAMPLES = 5 if IS_SANITIZED else 2

WORLDS = st.builds(
    World,
    seed=st.integers(0, 2**32),
    items=st.integers(8, 70),
    queries=st.integers(3, 6),
    code_length=st.sampled_from([8, 12, 31, 64, 100, 128, 200]),
)


def answer(call, given):
    """What a call returns, or that it was refused in one line; any other error is the caller's to see."""
    try:
        return call(**given)
    except HashcoreError as error:
        said = str(error)
    assert "\n" not in said
    assert len(said) < 400
    return REFUSED


def same(one: Any, other: Any) -> bool:
    """Return whether two answers are equal in every array, and in their types."""
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        is_float = getattr(one, "dtype", np.dtype(int)).kind == "f"
        return np.shape(one) == np.shape(other) and np.array_equal(one, other, equal_nan=is_float)
    if dataclasses.is_dataclass(one) and not isinstance(one, type):
        return type(one) is type(other) and all(
            same(getattr(one, f.name), getattr(other, f.name)) for f in dataclasses.fields(one)
        )
    if isinstance(one, tuple | list):
        return type(one) is type(other) and len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, pa.Table | pa.Array):
        return one.equals(other)
    if isinstance(one, float):
        return one == other or (one != one and other != other)
    return bool(one == other)


def places(given):
    """Yield name and value of each array among the arguments, and what puts another one in its place."""
    for name, value in given.items():
        if isinstance(value, np.ndarray):
            yield name, value, lambda new, name=name: {**given, name: new}
        if isinstance(value, HOLDERS):
            for field in dataclasses.fields(value):
                held = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}

                def replaced(new, name=name, field=field.name, held=held):
                    return {**given, name: lambda: type(given[name])(**{**held, field: new})}

                yield f"{name}.{field.name}", held[field.name], replaced


def run(call, given):
    """The answer to arguments, of which holders of arrays are made first, as a caller would."""

    def made(**given):
        return call(**{name: value() if callable(value) else value for name, value in given.items()})

    return answer(made, given)


def test_every_public_function_of_arrays_has_a_case():
    names = {name for name, _ in public_callables()}
    assert names == set(CASES), "give public_array_cases.CASES a case for each public function that takes arrays"
    world = World(0, 20, 4, 12)
    for name, function in public_callables():
        wanted = array_parameters(function) | number_parameters(function)
        left_out = wanted - set(CASES[name](world).given) - {"parts"}
        assert not left_out, f"{name}: its case gives no {', '.join(sorted(left_out))}"


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=EXAMPLES)
@given(world=WORLDS)
def test_equal_values_get_the_same_answer_however_they_lie_in_memory(name, world):
    case = CASES[name](world)
    right = answer(case.call, case.given)
    assert right is not REFUSED
    for place, array, replaced in places(case.given):
        for form, new in formed(array, SAME):
            assert same(run(case.call, replaced(new)), right), f"{name}: {place} in the form: {form}"
        for form, new in formed(array, SAME_OR_REFUSED):
            got = run(case.call, replaced(new))
            are_equal = np.array_equal(np.asarray(new), array)
            assert got is REFUSED or not are_equal or same(got, right), f"{name}: {place} in the form: {form}"


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=EXAMPLES)
@given(world=WORLDS)
def test_wrong_arrays_are_refused_in_one_line_or_answered_as_what_they_are(name, world):
    case = CASES[name](world)
    for place, array, replaced in places(case.given):
        for form, new in formed(array, WRONG | ROWS):
            got = run(case.call, replaced(new))
            if form in ROWS and place in case.aligned:
                assert got is REFUSED, f"{name}: {place} in the form: {form}"
            elif got is not REFUSED and isinstance(new, np.ndarray):
                copy = run(case.call, replaced(np.array(new, order="C")))
                assert same(got, copy), f"{name}: {place} in the form: {form}"


@pytest.mark.parametrize("name", CASES)
def test_numbers_are_whole_numbers_or_refused_in_one_line(name):
    case = CASES[name](World(1, 20, 4, 100))
    right = answer(case.call, case.given)
    for parameter, value in case.given.items():
        if isinstance(value, bool) or not isinstance(value, int):
            continue
        for form in SAME_NUMBERS:
            if value < 2**16:
                assert same(answer(case.call, {**case.given, parameter: form(value)}), right)
        for wrong in WRONG_NUMBERS:
            got = answer(case.call, {**case.given, parameter: wrong})
            is_number = wrong is None or isinstance(wrong, np.ndarray | list) or type(wrong) is int
            assert got is REFUSED or is_number, f"{name}: {parameter}={wrong!r} is no whole number"
