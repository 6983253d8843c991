#include "indexer/native/sparse_search.hpp"

#include <algorithm>
#include <atomic>
#include <limits>
#include <mutex>

#include "hashcore/native/parallel.hpp"
#include "indexer/native/sparse_answer.hpp"

namespace hashcore {

namespace {

constexpr std::size_t plans_ahead = 8;  // queries whose buckets are on their way while one is planned
constexpr double planning_ns = 300;     // what planning by signatures or lists takes: nothing to gain below
constexpr double never = std::numeric_limits<double>::infinity();

void add(std::vector<SparseWork>& to, const std::vector<SparseWork>& from) {
    for (std::size_t i = 0; i < to.size(); ++i) {
        to[i].queries += from[i].queries;
        to[i].probes += from[i].probes;
        to[i].candidates += from[i].candidates;
        to[i].verified += from[i].verified;
        to[i].expected += from[i].expected;
        to[i].radius = std::max(to[i].radius, from[i].radius);
        to[i].seconds += from[i].seconds;
    }
}

// Where the plan expects candidates.
void expect(const SparseShard& shard, const SparsePlan& plan, std::vector<SparseWork>& work) {
    if (plan.route == Route::signatures)
        for (std::size_t j = 0; j < shard.blocks.size(); ++j) work[1 + j].expected += plan.blocks.entries[j];
    else if (plan.route == Route::lists)
        for (const ClassPlan& part : plan.classes) work[shard.structure(plan.route)].expected += part.candidates;
    else work[shard.structure(plan.route)].expected += plan.candidates;
}

// What looking up the folds around a query costs, and how many codes are compared: by chance one of 256 shares the tag.
struct FoldPlan {
    double ns = 0, candidates = 0;
};

FoldPlan plan_folds(const SparseShard& shard, const std::uint64_t* query, unsigned radius, const SparseCosts& costs) {
    FoldPlan plan;
    each_reach(shard.folds.classes, set_bits(query, shard.codes.words), radius, [&](const Reach& reach) {
        const double in_class = double(shard.folds.classes.codes(reach.cls));
        const auto [look_ups, codes] = expect_folds(query, shard.codes.words, reach, in_class, shard.per_fold);
        const double candidates = look_ups * double(codes_per_group / buckets_per_group) / 256 + codes;
        plan.candidates += candidates;
        plan.ns += look_ups * costs.look_up + candidates * double(shard.codes.words) * costs.verify;
    });
    return plan;
}

}  // namespace

void SparseShard::sample() {
    constexpr std::size_t runs = 64, run = 4;  // of codes that lie together: each page that is read takes its time
    std::vector<double> shares(65, 0.0);
    std::size_t taken = 0;
    for (std::size_t i = 0; i < runs * run; ++i) {
        const std::size_t at = i / run * codes.count / runs + i % run;
        if (at >= (i / run + 1) * codes.count / runs) continue;
        std::uint64_t folded = 0;
        for (std::size_t w = 0; w < codes.words; ++w) folded ^= codes.data[w * codes.stride + at];
        ++taken, ++shares[std::size_t(__builtin_popcountll(folded))];
    }
    for (double& share : shares) share /= double(std::max<std::size_t>(taken, 1));
    per_fold = spread_evenly(std::move(shares));
    sample_near();
}

void SparseShard::sample_near() {
    constexpr std::size_t some = 256;
    near.assign(65, blocks.empty() ? 1.0 : 0.0);
    if (blocks.empty() || codes.count < 2) return;
    std::uint64_t sampled[some];
    const std::size_t taken = std::min(some, codes.count);
    for (std::size_t i = 0; i < taken; ++i) sampled[i] = scanned_folds()[i * codes.count / taken];
    for (std::size_t i = 0; i < taken; ++i)
        for (std::size_t j = 0; j < i; ++j) near[std::size_t(__builtin_popcountll(sampled[i] ^ sampled[j]))] += 2.0 / double(taken * (taken - 1));
    for (std::size_t d = 1; d < near.size(); ++d) near[d] += near[d - 1];
}

double SparseShard::fold_scan_ns(unsigned radius, const SparseCosts& costs) const {
    return blocks.empty() ? never : double(codes.count) * (costs.folded + passing(radius) * double(codes.words) * costs.verify);
}

SparsePlan plan_sparse(const SparseShard& shard, const std::uint64_t* query, unsigned radius, int route, const SparseCosts& costs) {
    const double codes = double(shard.codes.count), words = double(shard.codes.words);
    SparsePlan best{Route::scan, {}, {}, shard.scan_ns(costs), shard.scan_ns(costs), codes};
    const auto take = [&](Route by, double ns, double candidates) {
        const bool is_better = route < 0 ? ns < best.ns : route == int(by) && ns < never;
        if (is_better) best.route = by, best.ns = ns, best.candidates = candidates;
        return is_better;
    };
    take(Route::fold_scan, shard.fold_scan_ns(radius, costs), codes * shard.passing(radius));
    if (!shard.folds.empty()) {
        const FoldPlan folds = plan_folds(shard, query, radius, costs);
        take(Route::folds, folds.ns, folds.candidates);
    }
    if (!shard.blocks.empty() && (route >= 0 || best.ns > planning_ns)) {
        const double verify = shard.passing(radius) * words * costs.verify;
        const Allocation blocks = allocate(shard.blocks, query, radius, costs.probe, costs.candidate + verify);
        if (take(Route::signatures, blocks.ns, 0)) best.blocks = blocks;
    }
    if (!shard.lists.empty() && (route >= 0 || best.ns > planning_ns)) {
        auto classes = plan_classes(shard.lists, tokens_of(query, shard.codes.words), radius, {costs.posting, words * costs.verify, words * costs.scanned});
        double ns = 0;
        for (const ClassPlan& part : classes) ns += part.ns;
        if (take(Route::lists, ns, 0)) best.classes = std::move(classes);
    }
    return best;
}

HitLists sparse_range(const SparseShard& shard, const Queries& queries, unsigned radius, int route, const SparseCosts& costs,
                      std::size_t max_rows, std::size_t threads, Isa isa, std::vector<SparseWork>& work, double (&cost)[2]) {
    const std::size_t block = sparse_task_queries(queries.count, threads);
    std::vector<std::vector<Hit>> parts((queries.count + block - 1) / block);
    std::atomic<std::size_t> kept{0};
    std::mutex adding;
    work.assign(shard.structures(), {});
    parallel_for(parts.size(), threads, [&](std::size_t task) {
        std::vector<SparseWork> done(work.size());
        std::vector<std::uint32_t> active;
        std::vector<SparsePlan> plans;
        double by_plan = 0, by_scan = 0;
        const std::size_t end = std::min(queries.count, (task + 1) * block);
        for (std::size_t q = task * block; q < end; ++q) {
            if (q + plans_ahead < end)
                for (const Block& part : shard.blocks)
                    __builtin_prefetch(part.buckets.offsets + part.bucket_of(queries.data + (q + plans_ahead) * shard.codes.words));
            active.push_back(std::uint32_t(q));
            plans.push_back(plan_sparse(shard, queries.data + q * shard.codes.words, radius, route, costs));
            expect(shard, plans.back(), done);
            by_plan += plans.back().ns, by_scan += plans.back().scan_ns;
        }
        std::vector<Hit>& hits = parts[task];
        Answering(shard, queries, isa, done).run(active, plans, radius, [&](std::uint32_t) { return int(radius); },
            [&](std::uint32_t q, std::uint32_t position, std::uint16_t distance) {
                hits.push_back({position, q, distance});
                if (hits.size() > max_rows) throw TooManyRows{hits.size()};
            });
        if ((kept += hits.size()) > max_rows) throw TooManyRows{kept};
        const std::lock_guard lock(adding);
        add(work, done);
        cost[0] += by_plan, cost[1] += by_scan;
    });
    return assemble(parts, shard.rows, queries.count, threads, any_number, max_rows);
}

}  // namespace hashcore
