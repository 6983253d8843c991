// Range search of sparse codes: each query is planned, then all are answered route by route.
#include "indexer/native/sparse/search.hpp"

#include <algorithm>
#include <atomic>
#include <limits>
#include <mutex>

#include "hashcore/native/scan/assembly.hpp"
#include "hashcore/native/common/parallel.hpp"
#include "indexer/native/common/row_limit.hpp"
#include "indexer/native/sparse/answer.hpp"

namespace hashcore {

namespace {

constexpr std::size_t plans_ahead = 8;  // queries whose buckets are prefetched while one is planned
constexpr double planning_ns = 300;     // of planning by signatures or lists: cheaper queries skip it
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

// Adds the candidates that the plan expects of each structure.
void expect(const SparseShard& shard, const SparsePlan& plan, std::vector<SparseWork>& work) {
    if (plan.route == Route::signatures)
        for (std::size_t j = 0; j < shard.blocks.size(); ++j) work[1 + j].expected += plan.blocks.entries[j];
    else if (plan.route == Route::lists)
        for (const ClassPlan& part : plan.classes) work[shard.structure(plan.route)].expected += part.candidates;
    else work[shard.structure(plan.route)].expected += plan.candidates;
}

}  // namespace

void SparseShard::sample() {
    constexpr std::size_t runs = 64, run = 4;  // codes in a run share a page, which is slow to read
    std::vector<double> shares(65, 0.0);
    std::size_t taken = 0;
    for (std::size_t i = 0; i < runs * run; ++i) {
        const std::size_t at = i / run * codes.count / runs + i % run;
        if (at >= (i / run + 1) * codes.count / runs) continue;
        const Folded code = folded(codes.words, [&](std::size_t w) { return codes.data[w * codes.stride + at]; });
        ++taken, ++shares[std::size_t(__builtin_popcountll(code.fold))];
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
        for (std::size_t j = 0; j < i; ++j)
            near[std::size_t(__builtin_popcountll(sampled[i] ^ sampled[j]))] += 2.0 / double(taken * (taken - 1));
    for (std::size_t d = 1; d < near.size(); ++d) near[d] += near[d - 1];
}

double SparseShard::fold_scan_ns(unsigned radius, const SparseCosts& costs) const {
    return blocks.empty() ? never
                          : double(codes.count) * (costs.folded + passing(radius) * double(codes.words) * costs.verify);
}

SparsePlanner::SparsePlanner(const SparseShard& shard, unsigned radius, int route, const SparseCosts& costs)
    : shard_(shard), radius_(radius), route_(route), costs_(costs), scan_ns_(shard.scan_ns(costs)),
      fold_scan_ns_(shard.fold_scan_ns(radius, costs)) {}

SparsePlan SparsePlanner::plan(const std::uint64_t* query) {
    const double codes = double(shard_.codes.count), words = double(shard_.codes.words);
    SparsePlan best{Route::scan, {}, {}, scan_ns_, scan_ns_, codes};
    const auto take = [&](Route by, double ns, double candidates) {
        const bool is_better = route_ < 0 ? ns < best.ns : route_ == int(by) && ns < never;
        if (is_better) best.route = by, best.ns = ns, best.candidates = candidates;
        return is_better;
    };
    take(Route::fold_scan, fold_scan_ns_, codes * shard_.passing(radius_));
    if (!shard_.folds.empty()) {
        const FoldPlan& folds = plan_folds(folded(query, shard_.codes.words));
        take(Route::folds, folds.ns, folds.candidates);
    }
    if (!shard_.blocks.empty() && (route_ >= 0 || best.ns > planning_ns)) {
        const double verify = shard_.passing(radius_) * words * costs_.verify;
        const Allocation blocks = allocate(shard_.blocks, query, radius_, costs_.probe, costs_.candidate + verify);
        if (take(Route::signatures, blocks.ns, 0)) best.blocks = blocks;
    }
    if (!shard_.lists.empty() && (route_ >= 0 || best.ns > planning_ns)) {
        auto classes = plan_classes(shard_.lists, tokens_of(query, shard_.codes.words), radius_,
                                    {costs_.posting, words * costs_.verify, words * costs_.scanned});
        double ns = 0;
        for (const ClassPlan& part : classes) ns += part.ns;
        if (take(Route::lists, ns, 0)) best.classes = std::move(classes);
    }
    return best;
}

const FoldPlan& SparsePlanner::plan_folds(const Folded& query) {
    const std::uint64_t key = std::uint64_t(query.set_bits) << 16 | std::uint64_t(query.inside()) << 8 | query.own();
    const auto [found, is_new] = fold_plans_.try_emplace(key);
    FoldPlan& plan = found->second;
    if (!is_new) return plan;
    each_reach(shard_.folds.classes, query.set_bits, radius_, [&](const Reach& reach) {
        const auto [look_ups, codes] =
            expect_folds(query, reach, double(shard_.folds.classes.codes(reach.cls)), shard_.per_fold);
        const double candidates = look_ups * double(codes_per_group / buckets_per_group) / 256 + codes;
        plan.candidates += candidates;
        plan.ns += look_ups * costs_.look_up + candidates * double(shard_.codes.words) * costs_.verify;
    });
    return plan;
}

std::vector<std::size_t> count_routes(const SparseShard& shard, const Queries& queries, unsigned radius, int route,
                                      const SparseCosts& costs, double (&cost)[2]) {
    std::vector<std::size_t> taken(std::size_t(Route::scan) + 1, 0);
    SparsePlanner planner(shard, radius, route, costs);
    for (std::size_t q = 0; q < queries.count; ++q) {
        Pulse::of_this_thread().beat(planning_work);
        const SparsePlan plan = planner.plan(queries.data + q * shard.codes.words);
        ++taken[std::size_t(plan.route)];
        cost[0] += plan.ns, cost[1] += plan.scan_ns;
    }
    return taken;
}

HitLists sparse_range(const SparseShard& shard, const Queries& queries, unsigned radius, int route,
                      const SparseCosts& costs, std::size_t max_rows, std::size_t threads, Isa isa,
                      std::vector<SparseWork>& work, double (&cost)[2]) {
    const std::size_t block = sparse_task_queries(queries.count, threads);
    std::vector<Hits> parts((queries.count + block - 1) / block);
    RowLimit limit(shard.rows, max_rows);
    std::mutex adding;
    work.assign(shard.structures(), {});
    parallel_for(parts.size(), threads, [&](std::size_t task) {
        std::vector<SparseWork> done(work.size());
        double by_plan = 0, by_scan = 0;
        const std::size_t begin = task * block, end = std::min(queries.count, begin + block);
        SparsePlanner planner(shard, radius, route, costs);
        Planned planned(end - begin);
        for (std::size_t q = begin; q < end; ++q) {
            if (q + plans_ahead < end)
                for (const Block& part : shard.blocks)
                    __builtin_prefetch(part.buckets.offsets +
                                       part.bucket_of(queries.data + (q + plans_ahead) * shard.codes.words));
            Pulse::of_this_thread().beat(planning_work);
            SparsePlan plan = planner.plan(queries.data + q * shard.codes.words);
            expect(shard, plan, done);
            by_plan += plan.ns, by_scan += plan.scan_ns;
            planned.add(std::uint32_t(q), std::move(plan));
        }
        Hits& hits = parts[task];
        std::size_t next_look = limit.first_look();
        Answering(shard, queries, isa, done).run(planned, radius, [&](std::uint32_t) {
            return int(radius);
        }, [&](std::uint32_t q, std::uint32_t position, std::uint16_t distance) {
            hits.push_back({position, q, distance});
            if (hits.size() > next_look) [[unlikely]]
                next_look = limit.look(hits);
        });
        limit.add(hits);
        const std::lock_guard lock(adding);
        add(work, done);
        cost[0] += by_plan, cost[1] += by_scan;
    });
    return assemble(parts, shard.rows, queries.count, threads, any_number, max_rows);
}

}  // namespace hashcore
