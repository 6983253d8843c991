// Building a shard: sorting codes, grouping equal ones, and laying out hash tables.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "hashcore/native/common/buffer.hpp"
#include "hashcore/native/scan/scan.hpp"

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

// Rows ordered by (word 0, word 1, …, id).
struct Arranged {
    Buffer<std::uint64_t> codes;      // the distinct codes, column by column
    Buffer<std::uint32_t> starts;     // distinct code p is carried by the rows from starts[p] on
    Buffer<std::uint32_t> order;      // row r was row order[r]
    Buffer<std::uint32_t> short_ids;  // ids less `base`, where they fit into 32 bits
};

// `bits` is the number of bits used of word 0; ids fit into 32 bits above `base` if `are_short`.
Arranged arrange(const Columns& codes, std::size_t bits, const std::int64_t* ids, std::int64_t base, bool are_short,
                 std::size_t threads);

// The hash table over bits shift..shift + bits of `keys`: entries grouped by bucket, in the order of the codes within
// one. offsets has 2^bits + 1 elements, positions and words n each; words[e] = filter[positions[e]].
void fill_table(const std::uint64_t* keys, const std::uint64_t* filter, std::size_t n, std::size_t shift,
                std::size_t bits, std::uint32_t* offsets, std::uint32_t* positions, std::uint64_t* words,
                std::size_t threads);

// Only the offsets, for codes that are already in the order of their buckets.
void fill_offsets(const std::uint64_t* keys, std::size_t n, std::size_t shift, std::size_t bits,
                  std::uint32_t* offsets);

}  // namespace hashcore
