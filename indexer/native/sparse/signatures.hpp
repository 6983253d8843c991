// Block signatures: multi-index hashing on sets. A code is cut into blocks of bits. The signature of a block is the XOR
// of one random word for each bit set; it is the number of the code's bucket in the table of the block. A flipped bit
// of the query costs one XOR, so the buckets around a query are looked up as those around a substring are.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "indexer/native/sparse/folds.hpp"
#include "indexer/native/common/bucket_kernels.hpp"

namespace hashcore {

// The random word of bit `bit` of the stored code, of `bits` <= 24 bits.
std::uint32_t signature_word(std::size_t bit, std::size_t bits);

// Calls each(bit) for the set bits begin..end of a code, ascending.
template <class Each>
void each_bit(const std::uint64_t* code, std::size_t begin, std::size_t end, Each&& each) {
    for (std::size_t w = begin / 64; w * 64 < end; ++w) {
        std::uint64_t bits = code[w];
        if (w * 64 < begin) bits &= ~std::uint64_t(0) << (begin - w * 64);
        if (w * 64 + 64 > end) bits &= ~std::uint64_t(0) >> (w * 64 + 64 - end);
        for (; bits; bits &= bits - 1) each(w * 64 + std::size_t(__builtin_ctzll(bits)));
    }
}

// keys[i] = signature of bits begin..end of code i.
void sign(const Columns& codes, std::size_t begin, std::size_t end, std::size_t bits, std::uint64_t* keys,
          std::size_t threads);

// The table of one block: entries by signature, as in a Table. The filter word of an entry is the fold of its code.
struct Block {
    std::size_t begin, end, bits;
    Buckets buckets;
    const std::uint32_t* positions;
    std::vector<std::uint32_t> words;  // of its bits, from begin on

    Block(std::size_t begin, std::size_t end, std::size_t bits, Buckets buckets, const std::uint32_t* positions);

    std::size_t width() const { return end - begin; }
    // The XORs of at most `flips` of its words, ascending, each once: the ways from a query's bucket to others. Made on
    // first use, and kept.
    const std::vector<std::uint32_t>& flips(int flips) const;
    std::uint32_t bucket_of(const std::uint64_t* code) const {
        std::uint32_t key = 0;
        each_bit(code, begin, end, [&](std::size_t bit) { key ^= words[bit - begin]; });
        return key;
    }
    std::uint32_t bucket_size(std::uint32_t bucket) const {
        return buckets.offsets[bucket + 1] - buckets.offsets[bucket];
    }
    // The number of bits of the block in which two codes differ; word(w) is word w of one of them.
    template <class Word>
    unsigned distance(const std::uint64_t* query, Word&& word) const {
        unsigned differing = 0;
        for (std::size_t w = begin / 64; w * 64 < end; ++w) {
            std::uint64_t bits = query[w] ^ word(w);
            if (w * 64 < begin) bits &= ~std::uint64_t(0) << (begin - w * 64);
            if (w * 64 + 64 > end) bits &= ~std::uint64_t(0) >> (w * 64 + 64 - end);
            differing += unsigned(__builtin_popcountll(bits));
        }
        return differing;
    }

  private:
    mutable std::array<std::vector<std::uint32_t>, 4> flips_;  // by their number, to most_flips
};

constexpr std::size_t most_blocks = 12;
constexpr int most_flips = 3;  // of one block: 171 bits have 800,000 triples

// Ways to flip exactly `flips` bits of a block.
double ring_probes(const Block& block, int flips);

// The radii of the blocks for one query, -1 for a block left out; exact if sum(radii + 1) > radius.
struct Allocation {
    std::int8_t radii[most_blocks];
    double entries[most_blocks] = {};  // expected to be compared
    double ns = 0;
};

// The cheapest split of a radius over the blocks, from the buckets that this query meets. The next bit goes to the
// block whose next ring costs least. The cost is infinite where a block would need more than `most_flips` flips.
Allocation allocate(const std::vector<Block>& blocks, const std::uint64_t* query, unsigned radius, double probe_ns,
                    double entry_ns);

}  // namespace hashcore
