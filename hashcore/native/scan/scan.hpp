// The linear scan: every query against every item, in blocks that stay in cache.
#pragma once

#include <cstddef>
#include <cstdint>

#include "hashcore/native/scan/hits.hpp"
#include "hashcore/native/scan/scan_kernels.hpp"

namespace hashcore {

// Codes column by column: word w of item i is data[w * stride + i].
struct Columns {
    const std::uint64_t* data;
    std::size_t stride;
    std::size_t words;
    std::size_t count;
};

// Items as columns or, if `rows` is not null, as packed codes of `row_bytes` bytes, row by row.
struct Items {
    Columns columns;
    const std::uint8_t* rows = nullptr;
    std::size_t row_bytes = 0;
};

// Queries row by row: word w of query q is data[q * words + w].
struct Queries {
    const std::uint64_t* data;
    std::size_t count;
};

// Label bit masks: items column by column, queries row by row; words = 0 where relevance is not counted.
struct Masks {
    const std::uint64_t* items;
    std::size_t stride;
    const std::uint64_t* queries;
    std::size_t words;
};

// All items within `radius` of each query, in parts for assemble(); ids are item numbers.
std::vector<Hits> scan_range_hits(const Items& items, const Queries& queries, unsigned radius, std::size_t threads,
                                  Isa isa);
HitLists scan_range(const Items& items, const Queries& queries, unsigned radius, std::size_t threads, Isa isa);

// The k nearest items of each query, or all if there are fewer; ids are item numbers.
HitLists scan_nearest(const Items& items, const Queries& queries, std::size_t k, std::size_t threads, Isa isa);

// Adds to all[q * bins + d], and to relevant[q * bins + d], the items at distance d of query q.
void scan_histogram(const Columns& columns, const Queries& queries, const Masks& masks, std::size_t bins,
                    std::int64_t* all, std::int64_t* relevant, std::size_t threads, Isa isa);

// Writes items begin:begin + count as columns `stride` apart; items are rows of bytes, least significant first.
void gather_columns(const std::uint8_t* rows, std::size_t row_bytes, std::size_t begin, std::size_t count,
                    std::uint64_t* columns, std::size_t stride);

}  // namespace hashcore
