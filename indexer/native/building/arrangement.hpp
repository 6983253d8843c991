// The order of a shard's rows: by code, then by id. Equal codes become one distinct code.
#pragma once

#include <cstddef>
#include <cstdint>

#include "hashcore/native/common/buffer.hpp"
#include "hashcore/native/scan/scan.hpp"

namespace hashcore {

// Rows ordered by (word 0, word 1, …, id).
struct Arranged {
    Buffer<std::uint64_t> codes;      // the distinct codes, column by column
    Buffer<std::uint32_t> starts;     // distinct code p is carried by the rows from starts[p] on
    Buffer<std::uint32_t> order;      // row r was row order[r]
    Buffer<std::uint32_t> short_ids;  // ids less `base`, where they fit into 32 bits
};

// `bits` are used of word 0. Ids less `base` fit into 32 bits if `are_short`.
Arranged arrange(const Columns& codes, std::size_t bits, const std::int64_t* ids, std::int64_t base, bool are_short,
                 std::size_t threads);

}  // namespace hashcore
