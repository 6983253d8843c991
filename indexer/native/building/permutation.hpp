// The bits of codes in another order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace hashcore {

// Codes in any order of their words: word w of code i is data[w * word_stride + i * code_stride].
template <class Word>
struct Strided {
    Word* data;
    std::size_t word_stride, code_stride, words, count;

    Word& operator()(std::size_t word, std::size_t code) const { return data[word * word_stride + code * code_stride]; }
};

// Fills `out` with the codes, their bits reordered: bit p of a result is bit order[p] of its code.
void permute_bits(const Strided<const std::uint64_t>& codes, std::span<const std::uint16_t> order,
                  const Strided<std::uint64_t>& out, std::size_t threads);

}  // namespace hashcore
