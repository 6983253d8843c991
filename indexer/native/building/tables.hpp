// The arrays of hash tables over substrings or signatures.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hashcore {

// Fills the hash table over bits shift..shift + bits of `keys`. Entries stand bucket by bucket, and within a bucket in
// the order of the codes. offsets has 2^bits + 1 elements, positions and words n each; words[e] = filter[positions[e]].
void fill_table(const std::uint64_t* keys, const std::uint64_t* filter, std::size_t n, std::size_t shift,
                std::size_t bits, std::uint32_t* offsets, std::uint32_t* positions, std::uint64_t* words,
                std::size_t threads);

// Fills the offsets alone, for codes that are already in the order of their buckets.
void fill_offsets(const std::uint64_t* keys, std::size_t n, std::size_t shift, std::size_t bits,
                  std::uint32_t* offsets);

}  // namespace hashcore
