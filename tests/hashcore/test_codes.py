import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from hashcore import codes
from hashcore.errors import InvalidInputError

lengths = st.integers(8, 300)


@given(st.data(), lengths)
def test_unpack_reverses_pack_for_every_code_length(data, code_length):
    bits = data.draw(arrays.arrays(np.uint8, (5, code_length), elements=st.integers(0, 1)))
    packed = codes.pack(bits)
    assert packed.shape == (5, codes.code_bytes(code_length))
    assert np.array_equal(codes.unpack(packed, code_length), bits)
    assert np.array_equal(codes.pack(2 * bits.astype(int) - 1), packed) and np.array_equal(
        codes.pack(bits == 1), packed
    )


@given(st.data(), st.integers(4, 100))
def test_hamming_distance_of_ternary_planes_is_the_l1_distance_of_values(data, dimensions):
    values = data.draw(arrays.arrays(np.int8, (4, dimensions), elements=st.integers(-1, 1)))
    planes = codes.pack_ternary(values)
    assert np.array_equal(codes.unpack_ternary(planes, dimensions), values)
    bits = codes.unpack(planes, 2 * dimensions)
    hamming = (bits[:, None] != bits[None]).sum(-1)
    assert np.array_equal(hamming, np.abs(values[:, None].astype(int) - values[None]).sum(-1))


@pytest.mark.parametrize("bits", [[[0, 2]], [[0, 1, -1]], [[0.5, 1.0]], [0, 1], [[]]])
def test_pack_refuses_what_is_not_bits(bits):
    with pytest.raises(InvalidInputError):
        codes.pack(bits)


def test_codes_with_bits_beyond_the_code_length_are_refused():
    with pytest.raises(InvalidInputError, match="beyond code_length=12"):
        codes.unpack(np.array([[0, 16]], np.uint8), 12)


def test_codes_of_another_width_are_refused_with_both_widths():
    with pytest.raises(InvalidInputError, match=r"2 bytes wide but 64 bits take 8"):
        codes.unpack(np.zeros((1, 2), np.uint8), 64)


@pytest.mark.parametrize("code_length", [0, 7, 4097, 16.0, "32"])
def test_code_lengths_outside_8_to_4096_are_refused(code_length):
    with pytest.raises(InvalidInputError, match=r"8\.\.4096"):
        codes.check_code_length(code_length)
