// Multi-index hashing (Norouzi, Punjani, Fleet 2012) over one shard: exact radius search and k-NN.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "indexer/native/dense/plan.hpp"
#include "indexer/native/dense/shard.hpp"

namespace hashcore {

struct TableWork {
    std::uint64_t probes = 0, candidates = 0, verified = 0;
    double seconds = 0;
};

// How a range search is to be done: table j looks up the buckets within radii[j] (−1: none); exact if sum(radii[j] + 1)
// > radius. Without tables in use, or once they have compared more than max_candidates entries and are not through, it
// scans.
struct Plan {
    unsigned radius;
    std::vector<int> radii;
    std::uint64_t max_candidates;
    std::size_t max_rows;  // of the whole answer, or TooManyRows is thrown
};

// All rows within plan.radius of each query. `work` has one element a table; `scanned` tells whether it scanned.
HitLists range_search(const Shard& shard, const Queries& queries, const Plan& plan, std::size_t threads, Isa isa,
                      std::vector<TableWork>& work, bool& scanned);

// The k nearest rows within `farthest` of each query (all where there are fewer), by growing the radius until k are
// certain; what would cost more by tables than by a scan is scanned. scanned[q] is set to 1 for queries that were.
HitLists knn_search(const Shard& shard, const Queries& queries, std::size_t k, unsigned farthest, const Costs& costs,
                    std::size_t threads, Isa isa, std::uint8_t* scanned);

}  // namespace hashcore
