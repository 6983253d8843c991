// A shard of dense codes: distinct codes in order, the rows that carry each, and a hash table for each substring.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "hashcore/native/common/rows.hpp"
#include "hashcore/native/scan/scan.hpp"
#include "indexer/native/common/bucket_kernels.hpp"

namespace hashcore {

// The hash table of one substring: bits shift..shift + bits of word `word` are the number of the bucket. The filter
// word of an entry is word `filter_word` of its code. Its position is that of the distinct code (null: entry e is code
// e); that of a damaged file may be any number.
struct Table {
    std::size_t word, shift, bits, filter_word;
    Buckets buckets;
    const std::uint32_t* positions;

    std::uint32_t bucket_of(const std::uint64_t* code) const {
        return std::uint32_t(code[word] >> shift) & ((std::uint32_t(1) << bits) - 1);
    }
    std::uint32_t position(std::uint32_t entry) const { return positions ? positions[entry] : entry; }
};

struct Shard {
    Columns codes;  // distinct codes in sorted order
    Rows rows;
    std::vector<Table> tables;
};

}  // namespace hashcore
