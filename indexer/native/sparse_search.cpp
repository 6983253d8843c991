#include "indexer/native/sparse_search.hpp"

#include <algorithm>
#include <atomic>
#include <limits>
#include <mutex>

#include "hashcore/native/parallel.hpp"
#include "indexer/native/sparse_answer.hpp"

namespace hashcore {

namespace {

constexpr std::size_t plans_ahead = 8;    // queries whose buckets are on their way while one is planned
constexpr double list_planning_ns = 300;  // what planning by lists takes: nothing to gain below
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

// Where the plan expects candidates: the structure's place in `work`.
void expect(const SparseShard& shard, const SparsePlan& plan, std::vector<SparseWork>& work) {
    const std::size_t blocks = shard.blocks.size(), route = std::size_t(plan.route);
    if (plan.route == Route::lists)
        for (const ClassPlan& part : plan.classes) work[blocks].expected += part.candidates;
    else if (plan.route != Route::signatures) work[blocks + route - 1].expected += plan.candidates;
    else
        for (std::size_t j = 0; j < blocks; ++j) work[j].expected += plan.blocks.entries[j];
}

}  // namespace

void SparseShard::sample() {
    constexpr std::size_t some = 256;
    near.assign(65, blocks.empty() ? 1.0 : 0.0);
    if (blocks.empty() || codes.count < 2) return;
    std::uint64_t sampled[some];
    const std::size_t taken = std::min(some, codes.count);
    for (std::size_t i = 0; i < taken; ++i) sampled[i] = folds()[i * codes.count / taken];
    for (std::size_t i = 0; i < taken; ++i)
        for (std::size_t j = 0; j < i; ++j) near[std::size_t(__builtin_popcountll(sampled[i] ^ sampled[j]))] += 2.0 / double(taken * (taken - 1));
    for (std::size_t d = 1; d < near.size(); ++d) near[d] += near[d - 1];
}

SparsePlan plan_sparse(const SparseShard& shard, const std::uint64_t* query, unsigned radius, int route, const SparseCosts& costs) {
    const double codes = double(shard.codes.count), words = double(shard.codes.words);
    SparsePlan best{Route::scan, {}, {}, codes * words * costs.scanned, codes * words * costs.scanned, codes};
    const auto is_better = [&](Route by, double ns) { return route < 0 ? ns < best.ns : route == int(by) && ns < never; };
    if (!shard.blocks.empty()) {
        const double passing = shard.passing(radius), verify = passing * words * costs.verify;
        const double folds = codes * (costs.folded + verify);
        if (is_better(Route::folds, folds)) best.route = Route::folds, best.ns = folds, best.candidates = codes * passing;
        const Allocation blocks = allocate(shard.blocks, query, radius, costs.probe, costs.candidate + verify);
        if (is_better(Route::signatures, blocks.ns)) best.route = Route::signatures, best.ns = blocks.ns, best.blocks = blocks;
    }
    if (shard.lists.empty() || (route < 0 && best.ns < list_planning_ns)) return best;
    auto classes = plan_classes(shard.lists, tokens_of(query, shard.codes.words), radius, {costs.posting, words * costs.verify, words * costs.scanned});
    double ns = 0;
    for (const ClassPlan& part : classes) ns += part.ns;
    if (is_better(Route::lists, ns)) best.route = Route::lists, best.ns = ns, best.classes = std::move(classes);
    return best;
}

HitLists sparse_range(const SparseShard& shard, const Queries& queries, unsigned radius, int route, const SparseCosts& costs,
                      std::size_t max_rows, std::size_t threads, Isa isa, std::vector<SparseWork>& work, double (&cost)[2]) {
    const std::size_t block = sparse_task_queries(queries.count, threads);
    std::vector<std::vector<Hit>> parts((queries.count + block - 1) / block);
    std::atomic<std::size_t> kept{0};
    std::mutex adding;
    work.assign(shard.blocks.size() + 3, {});
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
