// k-NN search over a shard of dense codes: the radius grows ring by ring, until the k nearest are certain.
#pragma once

#include <cstddef>
#include <cstdint>

#include "indexer/native/dense/plan.hpp"
#include "indexer/native/dense/shard.hpp"

namespace hashcore {

// The k nearest rows within `farthest` of each query, or all if there are fewer. Queries that would cost more by tables
// are scanned; scanned[q] is set to 1 for these.
HitLists knn_search(const Shard& shard, const Queries& queries, std::size_t k, unsigned farthest, const Costs& costs,
                    std::size_t threads, Isa isa, std::uint8_t* scanned);

}  // namespace hashcore
