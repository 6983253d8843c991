// Range search: each table in turn is looked up for all queries, and its candidates are verified.
#include "indexer/native/dense/range.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>

#include "hashcore/native/scan/assembly.hpp"
#include "indexer/native/common/row_limit.hpp"
#include "indexer/native/dense/sweep.hpp"
#include "indexer/native/dense/verifier.hpp"

namespace hashcore {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// The pass of a range search over table j: all flips up to radii[j], less what the tables before it have reported.
Pass range_pass(const std::vector<int>& radii, std::size_t table) {
    Pass pass{table, 0, std::size_t(radii[table]), std::vector<int>(radii.size(), -1)};
    for (std::size_t t = 0; t < table; ++t) pass.already[t] = radii[t];
    return pass;
}

}  // namespace

HitLists range_search(const Shard& shard, const Queries& queries, const RangePlan& plan, std::size_t threads, Isa isa,
                      std::vector<TableWork>& work, bool& scanned) {
    std::vector<Hits> parts;
    RowLimit limit(shard.rows, plan.max_rows);
    auto keep = [&](Hits&& hits) {
        limit.add(hits);
        return std::move(hits);
    };
    work.assign(shard.tables.size(), {});
    static thread_local Probes probes;  // kept from call to call: fresh memory costs more than the look-ups
    scanned = std::ranges::all_of(plan.radii, [](int radius) { return radius < 0; });
    std::uint64_t candidates_so_far = 0;
    for (std::size_t t = 0; t < plan.radii.size(); ++t) {
        if (plan.radii[t] < 0) continue;
        scanned = candidates_so_far > plan.max_candidates;
        if (scanned) break;
        const auto start = Clock::now();
        const Pass pass = range_pass(plan.radii, t);
        probes.clear(queries.count);
        for (std::size_t q = 0; q < queries.count; ++q)
            probes.push_back(probe_of(shard.tables[t], queries, shard.codes.words, q, plan.radius));
        const Sweep sweep(shard, pass, probes, bucket_kernels(isa));
        const Verifier verifier(shard, queries, pass);
        const std::size_t first = parts.size();
        parts.resize(first + sweep.tasks());
        std::atomic<std::uint64_t> compared{0}, verified{0};
        parallel_for(sweep.tasks(), threads, [&](std::size_t task) {
            Candidates candidates;
            Hits hits;
            std::size_t next_look = limit.first_look();
            compared += sweep.run(task, candidates);
            verifier.verify(candidates, [&](std::uint32_t) { return int(plan.radius); },
                            [&](std::uint32_t q, std::uint32_t position, std::uint16_t distance) {
                hits.push_back({position, q, distance});
                if (hits.size() > next_look) [[unlikely]]
                    next_look = limit.look(hits);
            });
            verified += hits.size();
            parts[first + task] = keep(std::move(hits));
        });
        work[t] = {sweep.probes(), compared, verified, seconds_since(start)};
        candidates_so_far += compared;
    }
    if (scanned) {
        parts.clear();
        limit.restart();
        for (auto& part : scan_range_hits({shard.codes}, queries, plan.radius, threads, isa))
            parts.push_back(keep(std::move(part)));
    }
    return assemble(parts, shard.rows, queries.count, threads, any_number, plan.max_rows);
}

}  // namespace hashcore
