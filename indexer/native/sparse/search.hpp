// Exact search over one shard of sparse codes: each query takes the cheapest of fold table, signatures, lists and two
// scans.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <unordered_map>
#include <vector>

#include "hashcore/native/common/rows.hpp"
#include "indexer/native/sparse/folds.hpp"
#include "indexer/native/sparse/lists.hpp"
#include "indexer/native/sparse/signatures.hpp"

namespace hashcore {

// Expected nanoseconds of a step; only their ratios matter.
struct SparseCosts {
    double look_up;    // a fold looked up in the fold table
    double probe;      // a bucket looked up
    double candidate;  // an entry of a bucket compared by its filter word
    double verify;     // a word of a code compared after a random access
    double posting;    // a posting read and counted
    double folded;     // a fold scanned
    double scanned;    // a word of a code scanned
};

constexpr const char* sparse_cost_names[] = {"look_up", "probe", "candidate", "verify", "posting", "folded", "scanned"};

enum class Route : std::uint8_t { folds, signatures, lists, fold_scan, scan };

constexpr const char* route_names[] = {"folds", "signatures", "lists", "fold scan", "scan"};
static_assert(std::size(route_names) == std::size_t(Route::scan) + 1);

struct SparseShard {
    Columns codes;  // distinct codes in the order of their classes
    Rows rows;
    FoldTable folds;
    std::vector<Block> blocks;
    Lists lists;
    std::vector<double> per_fold;  // per_fold[w]: share of codes that has each fold of w set bits
    std::vector<double>
        near;  // near[d]: share of pairs of codes whose folds differ by at most d bits; of use with blocks

    // Samples both, once the structures are set.
    void sample();
    void sample_near();
    double passing(unsigned radius) const { return near[std::min<std::size_t>(radius, 64)]; }
    // The folds that a scan reads: the filter words of the first block.
    const std::uint64_t* scanned_folds() const { return blocks[0].buckets.words; }
    bool prefers_fold_scan(unsigned radius, const SparseCosts& costs) const {
        return fold_scan_ns(radius, costs) < scan_ns(costs);
    }
    double scan_ns(const SparseCosts& costs) const { return double(codes.count * codes.words) * costs.scanned; }
    double fold_scan_ns(unsigned radius, const SparseCosts& costs) const;

    // The numbers of the structures in a list of their work: the fold table, every block, the lists, both scans.
    std::size_t structures() const { return blocks.size() + 4; }
    std::size_t structure(Route route) const {
        return route == Route::folds ? 0 : std::size_t(route) + blocks.size() - 1;
    }
};

// The plan of one query.
struct SparsePlan {
    Route route;
    Allocation blocks;
    std::vector<ClassPlan> classes;
    double ns;          // expected, by this route
    double scan_ns;     // by a scan of the codes
    double candidates;  // of the fold table or a scan
};

// Queries by the routes that they take.
class Planned {
  public:
    explicit Planned(std::size_t most) { queries_[std::size_t(Route::folds)].reserve(most); }

    void add(std::uint32_t query, SparsePlan&& plan) {
        queries_[std::size_t(plan.route)].push_back(query);
        if (plan.route == Route::signatures) by_signatures_.push_back(std::move(plan.blocks));
        if (plan.route == Route::lists) by_lists_.push_back(std::move(plan.classes));
    }
    const std::vector<std::uint32_t>& of(Route route) const { return queries_[std::size_t(route)]; }
    // The plans of the queries that take signatures, or lists, in the same order.
    const std::vector<Allocation>& by_signatures() const { return by_signatures_; }
    const std::vector<std::vector<ClassPlan>>& by_lists() const { return by_lists_; }

  private:
    std::vector<std::uint32_t> queries_[std::size_t(Route::scan) + 1];
    std::vector<Allocation> by_signatures_;
    std::vector<std::vector<ClassPlan>> by_lists_;
};

// The work of one structure.
struct SparseWork {
    std::uint64_t queries = 0, probes = 0, candidates = 0, verified = 0;
    double expected = 0;  // candidates
    int radius = -1;      // the largest in use
    double seconds = 0;
};

constexpr std::uint64_t planning_work = 1 << 13;  // of one query, in units of Pulse

// The number of queries that a task takes.
inline std::size_t sparse_task_queries(std::size_t queries, std::size_t threads) {
    return std::clamp<std::size_t>((queries + threads - 1) / std::max<std::size_t>(threads, 1), 1, 4096);
}

// The cost of looking up the folds around a query, and the codes compared; one of 256 random codes shares the tag.
struct FoldPlan {
    double ns = 0, candidates = 0;
};

// Plans queries of one radius. `route` >= 0 asks for that route where it can answer, else for a scan; -1 takes the
// cheapest.
class SparsePlanner {
  public:
    SparsePlanner(const SparseShard& shard, unsigned radius, int route, const SparseCosts& costs);

    // The cheapest plan for one query.
    SparsePlan plan(const std::uint64_t* query);

  private:
    const FoldPlan& plan_folds(const Folded& query);

    const SparseShard& shard_;
    unsigned radius_;
    int route_;
    SparseCosts costs_;
    double scan_ns_, fold_scan_ns_;
    std::unordered_map<std::uint64_t, FoldPlan> fold_plans_;  // by the numbers of bits that decide
};

// Counts the queries that take each route. `cost` adds up expected nanoseconds: by the plans, and by scans.
std::vector<std::size_t> count_routes(const SparseShard& shard, const Queries& queries, unsigned radius, int route,
                                      const SparseCosts& costs, double (&cost)[2]);

// All rows within `radius` of each query, each by its plan. `work` gets an element a structure; `cost` adds up expected
// nanoseconds: by the plans, and by scans.
HitLists sparse_range(const SparseShard& shard, const Queries& queries, unsigned radius, int route,
                      const SparseCosts& costs, std::size_t max_rows, std::size_t threads, Isa isa,
                      std::vector<SparseWork>& work, double (&cost)[2]);

// The k nearest rows within `farthest` of each query, or all if there are fewer: the radius grows until k are certain.
HitLists sparse_nearest(const SparseShard& shard, const Queries& queries, std::size_t k, unsigned farthest, int route,
                        const SparseCosts& costs, std::size_t threads, Isa isa);

}  // namespace hashcore
