// Exact search over one shard of sparse codes: for each query the cheapest of signatures, inverted lists and two scans.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "indexer/native/lists.hpp"
#include "indexer/native/signatures.hpp"

namespace hashcore {

// Expected nanoseconds of a step; only their ratios matter.
struct SparseCosts {
    double probe;      // a bucket looked up
    double candidate;  // an entry of a bucket compared by its filter word
    double verify;     // a word of a code compared after a random access
    double posting;    // a posting read and counted
    double folded;     // a fold scanned
    double scanned;    // a word of a code scanned
};

enum class Route : std::uint8_t { signatures, lists, folds, scan };

struct SparseShard {
    Columns codes;  // distinct codes in the order of their classes
    Rows rows;
    std::vector<Block> blocks;
    Lists lists;
    std::vector<double> near;  // near[d]: share of pairs of codes whose folds differ by at most d bits

    // Samples `near`, once blocks are there.
    void sample();
    double passing(unsigned radius) const { return near[std::min<std::size_t>(radius, 64)]; }
    const std::uint64_t* folds() const { return blocks.empty() ? nullptr : blocks[0].buckets.words; }
};

// How one query is answered.
struct SparsePlan {
    Route route;
    Allocation blocks;
    std::vector<ClassPlan> classes;
    double ns;          // expected, by this route
    double scan_ns;     // by a scan of the codes
    double candidates;  // of a scan of folds or codes
};

// What one structure did: a block, then the lists, the folds and the scan.
struct SparseWork {
    std::uint64_t queries = 0, probes = 0, candidates = 0, verified = 0;
    double expected = 0;  // candidates
    int radius = -1;      // the largest one in use
    double seconds = 0;
};

// How many queries a task takes together.
inline std::size_t sparse_task_queries(std::size_t queries, std::size_t threads) {
    return std::clamp<std::size_t>((queries + threads - 1) / std::max<std::size_t>(threads, 1), 1, 4096);
}

// The cheapest plan for one query; `route` ≥ 0 asks for that route where it can answer, else for a scan.
SparsePlan plan_sparse(const SparseShard& shard, const std::uint64_t* query, unsigned radius, int route, const SparseCosts& costs);

// All rows within `radius` of each query, each by its plan. `work` has one element a block and three more; `cost` adds up expected nanoseconds: by the plans, by scans.
HitLists sparse_range(const SparseShard& shard, const Queries& queries, unsigned radius, int route, const SparseCosts& costs,
                      std::size_t max_rows, std::size_t threads, Isa isa, std::vector<SparseWork>& work, double (&cost)[2]);

// The k nearest rows of each query (all where there are fewer), by growing the radius until k are certain.
HitLists sparse_nearest(const SparseShard& shard, const Queries& queries, std::size_t k, int route, const SparseCosts& costs,
                        std::size_t threads, Isa isa);

}  // namespace hashcore
