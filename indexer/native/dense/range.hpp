// Range search over a shard of dense codes by multi-index hashing (Norouzi, Punjani, Fleet 2012), or by a scan.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "indexer/native/dense/shard.hpp"

namespace hashcore {

struct TableWork {
    std::uint64_t probes = 0, candidates = 0, verified = 0;
    double seconds = 0;
};

// How to answer a range search. Table j looks up the buckets within radii[j], none if -1; the answer is exact if
// sum(radii[j] + 1) > radius. It scans if no table is in use, or once tables have compared more than max_candidates
// entries and more tables are to come.
struct RangePlan {
    unsigned radius;
    std::vector<int> radii;
    std::uint64_t max_candidates;
    std::size_t max_rows;  // of the whole answer, or TooManyRows is thrown
};

// All rows within plan.radius of each query. `work` gets one element a table; `scanned` says whether it scanned.
HitLists range_search(const Shard& shard, const Queries& queries, const RangePlan& plan, std::size_t threads, Isa isa,
                      std::vector<TableWork>& work, bool& scanned);

}  // namespace hashcore
