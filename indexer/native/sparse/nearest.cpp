// k-NN search of sparse codes: the radius grows until the k nearest are certain, or a scan is cheaper.
#include <algorithm>

#include "hashcore/native/scan/assembly.hpp"
#include "hashcore/native/scan/nearest.hpp"
#include "hashcore/native/common/parallel.hpp"
#include "indexer/native/sparse/answer.hpp"

namespace hashcore {

namespace {

// The k-NN search of one block of queries.
class GrowingAnswer {
  public:
    GrowingAnswer(const SparseShard& shard, const Queries& queries, std::uint32_t begin, std::uint32_t end,
                  std::size_t k, unsigned farthest, int route, const SparseCosts& costs, Isa isa)
        : shard_(shard), queries_(queries), farthest_(farthest), route_(route), costs_(costs), begin_(begin),
          work_(shard.structures()), answering_(shard, queries, isa, work_),
          nearest_(end - begin, Nearest(k, farthest, Ties::all)) {
        for (std::uint32_t q = begin; q < end; ++q) active_.push_back(q);
    }

    void run() {
        for (unsigned radius = 0; !active_.empty() && radius < farthest_; radius += 1 + radius / 4) grow(radius);
        left_.insert(left_.end(), active_.begin(), active_.end());
        scan();
    }

    void append_to(Hits& hits) {
        for (std::size_t i = 0; i < nearest_.size(); ++i, Pulse::of_this_thread().beat(nearest_[0].k()))
            for (const auto& found : nearest_[i].found())
                hits.push_back({found.item, std::uint32_t(begin_ + i), found.distance});
    }

  private:
    Nearest& nearest(std::uint32_t q) { return nearest_[q - begin_]; }
    auto radius() {
        return [this](std::uint32_t q) { return nearest(q).radius(); };
    }
    auto keep() {
        return [this](std::uint32_t q, std::uint32_t position, std::uint16_t distance) {
            nearest(q).add(position, distance, shard_.rows.count(position));
        };
    }
    void restart(std::uint32_t q, unsigned radius) { nearest(q) = Nearest(nearest(q).k(), radius, Ties::all); }

    // Searches the active queries within a radius. Those whose k nearest are certain leave, as do those that are
    // cheaper to scan.
    void grow(unsigned radius) {
        SparsePlanner planner(shard_, radius, route_, costs_);
        Planned planned(active_.size());
        std::vector<std::uint32_t> searched;
        for (const std::uint32_t q : active_) {
            Pulse::of_this_thread().beat(planning_work);
            SparsePlan plan = planner.plan(queries_.data + q * shard_.codes.words);
            if (plan.route == Route::fold_scan || plan.route == Route::scan) {
                left_.push_back(q);
                continue;
            }
            restart(q, radius);
            searched.push_back(q);
            planned.add(q, std::move(plan));
        }
        answering_.run(planned, radius, this->radius(), keep());
        std::erase_if(searched, [&](std::uint32_t q) { return nearest(q).has_k(); });
        active_ = std::move(searched);
    }

    // Scans a few codes for a bound on the distance of the k nearest. Then it scans folds where they reject enough,
    // else whole codes.
    void scan() {
        if (left_.empty()) return;
        const std::size_t tried = std::max<std::size_t>(4096, 2 * nearest(left_[0]).k());
        for (const std::uint32_t q : left_) restart(q, farthest_);
        answering_.scan_codes(left_, radius(), keep(), tried);
        std::vector<std::uint32_t> by_fold, by_code;
        for (const std::uint32_t q : left_) {
            const unsigned within = unsigned(nearest(q).radius());
            restart(q, within);
            (shard_.prefers_fold_scan(within, costs_) ? by_fold : by_code).push_back(q);
        }
        answering_.scan_folds(by_fold, radius(), keep());
        answering_.scan_codes(by_code, radius(), keep());
    }

    const SparseShard& shard_;
    const Queries& queries_;
    unsigned farthest_;
    int route_;
    const SparseCosts& costs_;
    std::uint32_t begin_;
    std::vector<SparseWork> work_;
    Answering answering_;
    std::vector<Nearest> nearest_;
    std::vector<std::uint32_t> active_, left_;
};

}  // namespace

HitLists sparse_nearest(const SparseShard& shard, const Queries& queries, std::size_t k, unsigned farthest, int route,
                        const SparseCosts& costs, std::size_t threads, Isa isa) {
    const std::size_t block = sparse_task_queries(queries.count, threads);
    std::vector<Hits> parts((queries.count + block - 1) / block);
    parallel_for(parts.size(), threads, [&](std::size_t task) {
        GrowingAnswer search(shard, queries, std::uint32_t(task * block),
                             std::uint32_t(std::min(queries.count, (task + 1) * block)), k, farthest, route, costs,
                             isa);
        search.run();
        search.append_to(parts[task]);
    });
    return assemble(parts, shard.rows, queries.count, threads, k);
}

}  // namespace hashcore
