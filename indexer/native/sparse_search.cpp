#include "indexer/native/sparse_search.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
#include <mutex>

#include "hashcore/native/nearest.hpp"
#include "hashcore/native/parallel.hpp"
#include "indexer/native/sweep.hpp"

namespace hashcore {

namespace {

constexpr std::size_t ahead = 32;                // memory accesses kept in flight
constexpr std::size_t block_items = 2048;        // of a scan, as in hashcore
constexpr std::size_t plans_ahead = 8;            // queries whose buckets are on their way while one is planned
constexpr std::size_t queries_per_task = 4096;
constexpr std::size_t look_ups_per_batch = 1 << 22;  // bounds the candidates that wait
constexpr double list_planning_ns = 300;          // what planning by lists takes: nothing to gain below
constexpr double never = std::numeric_limits<double>::infinity();

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::vector<std::uint32_t> tokens_of(const std::uint64_t* query, std::size_t words) {
    std::vector<std::uint32_t> tokens;
    each_bit(query, 0, 64 * words, [&](std::size_t bit) { tokens.push_back(std::uint32_t(bit)); });
    return tokens;
}

// Whether scanning folds is cheaper than scanning codes.
bool prefers_folds(const SparseShard& shard, unsigned radius, const SparseCosts& costs) {
    const double words = double(shard.codes.words);
    return !shard.blocks.empty() && costs.folded + shard.passing(radius) * words * costs.verify < words * costs.scanned;
}

// Answers some queries by their plans; what is found goes to a sink(query, position, distance), each code once.
class Answering {
  public:
    Answering(const SparseShard& shard, const Queries& queries, Isa isa, std::vector<SparseWork>& work)
        : shard_(shard), queries_(queries), isa_(isa), work_(work), lists_(shard.lists, shard.codes) {}

    // plans[i] is that of query active[i]; radius_of(query) may fall while answers come in.
    template <class RadiusOf, class Sink>
    void run(const std::vector<std::uint32_t>& active, const std::vector<SparsePlan>& plans, unsigned radius, RadiusOf&& radius_of, Sink&& sink) {
        for (std::size_t j = 0; j < shard_.blocks.size(); ++j)
            for (int flips = 0; flips <= most_flips; ++flips) look_up(j, flips, active, plans, radius, radius_of, sink);
        by_lists(active, plans, radius, sink);
        scan_folds(of_route(active, plans, Route::folds), radius_of, sink);
        scan_codes(of_route(active, plans, Route::scan), radius_of, sink);
    }

    template <class RadiusOf, class Sink>
    void scan_folds(const std::vector<std::uint32_t>& active, RadiusOf&& radius_of, Sink&& sink) {
        if (active.empty()) return;
        SparseWork& work = work_[shard_.blocks.size() + 1];
        const auto start = Clock::now();
        const ScanKernels& kernels = scan_kernels(isa_);
        std::vector<std::uint64_t> folded;
        for (const std::uint32_t q : active) folded.push_back(fold(query(q), shard_.codes.words));
        std::uint32_t items[block_items];
        std::uint16_t distances[block_items];
        for (std::size_t begin = 0; begin < shard_.codes.count; begin += block_items)
            for (std::size_t i = 0; i < active.size(); ++i) {
                const unsigned limit = unsigned(std::min(radius_of(active[i]), 64));
                const std::size_t found = kernels.filter(shard_.folds() + begin, shard_.codes.count, 1, std::min(block_items, shard_.codes.count - begin),
                                                         &folded[i], limit, items, distances);
                for (std::size_t f = 0; f < found; ++f) prefetch(items[f] = shard_.blocks[0].positions[begin + items[f]]);
                for (std::size_t f = 0; f < found; ++f) {
                    const unsigned distance = distance_to(active[i], items[f]);
                    if (int(distance) <= radius_of(active[i])) ++work.verified, sink(active[i], items[f], std::uint16_t(distance));
                }
                work.candidates += found;
            }
        finish(work, active.size(), start);
    }

    // Stops before position `end`.
    template <class RadiusOf, class Sink>
    void scan_codes(const std::vector<std::uint32_t>& active, RadiusOf&& radius_of, Sink&& sink, std::size_t end = ~std::size_t(0)) {
        if (active.empty()) return;
        SparseWork& work = work_[shard_.blocks.size() + 2];
        const auto start = Clock::now();
        const ScanKernels& kernels = scan_kernels(isa_);
        const Columns& codes = shard_.codes;
        end = std::min(end, codes.count);
        std::uint32_t items[block_items];
        std::uint16_t distances[block_items];
        for (std::size_t begin = 0; begin < end; begin += block_items)
            for (const std::uint32_t q : active) {
                const std::size_t found = kernels.filter(codes.data + begin, codes.stride, codes.words, std::min(block_items, end - begin),
                                                         query(q), unsigned(radius_of(q)), items, distances);
                for (std::size_t f = 0; f < found; ++f) sink(q, std::uint32_t(begin + items[f]), distances[f]);
                work.verified += found;
            }
        work.candidates += active.size() * end;
        finish(work, active.size(), start);
    }

  private:
    const std::uint64_t* query(std::size_t q) const { return queries_.data + q * shard_.codes.words; }
    auto code(std::uint32_t position) const {
        return [this, position](std::size_t w) { return shard_.codes.data[w * shard_.codes.stride + position]; };
    }
    void prefetch(std::uint32_t position) const {
        for (std::size_t w = 0; w < shard_.codes.words; ++w) __builtin_prefetch(shard_.codes.data + w * shard_.codes.stride + position);
    }
    unsigned distance_to(std::uint32_t q, std::uint32_t position) const {
        unsigned distance = 0;
        for (std::size_t w = 0; w < shard_.codes.words; ++w) distance += unsigned(__builtin_popcountll(query(q)[w] ^ code(position)(w)));
        return distance;
    }

    static void finish(SparseWork& work, std::size_t queries, Clock::time_point start) {
        work.queries += queries;
        work.seconds += seconds_since(start);
    }

    static std::vector<std::uint32_t> of_route(const std::vector<std::uint32_t>& active, const std::vector<SparsePlan>& plans, Route route) {
        std::vector<std::uint32_t> chosen;
        for (std::size_t i = 0; i < active.size(); ++i)
            if (plans[i].route == route) chosen.push_back(active[i]);
        return chosen;
    }

    // Looks up block j for the queries that allow it exactly `flips` flips, in batches of bounded size.
    template <class RadiusOf, class Sink>
    void look_up(std::size_t j, int flips, const std::vector<std::uint32_t>& active, const std::vector<SparsePlan>& plans, unsigned radius,
                 RadiusOf&& radius_of, Sink&& sink) {
        const Block& block = shard_.blocks[j];
        SparseWork& work = work_[j];
        plan_of_.resize(queries_.count);
        probes_.clear(active.size());
        const auto start = Clock::now();
        for (std::size_t i = 0; i < active.size(); ++i) {
            if (plans[i].route != Route::signatures || plans[i].blocks.radii[j] != flips) continue;
            const std::uint64_t* code = query(active[i]);
            plan_of_[active[i]] = std::uint32_t(i);
            probes_.push_back({fold(code, shard_.codes.words), block.bucket_of(code), radius, active[i]});
        }
        if (probes_.size() == 0) return;
        const std::vector<std::uint32_t>& masks = block.flips(flips);
        const std::size_t order_bits = std::min<std::size_t>(block.bits, probes_.size() < 256 ? 0 : 12);
        probes_.order_by_bucket(block.bits - order_bits, order_bits, starts_);
        const std::size_t batch = std::max<std::size_t>(look_ups_per_batch / masks.size(), 1);
        for (std::size_t begin = 0; begin < probes_.size(); begin += batch) {
            const std::size_t count = std::min(batch, probes_.size() - begin);
            work.candidates += bucket_kernels(isa_).look_up_far(block.buckets, probes_.data() + begin, count, masks.data(), masks.size(), {nullptr, 0}, candidates_);
            verify(j, plans, radius_of, sink);
            candidates_.clear();
        }
        work.probes += probes_.size() * masks.size();
        work.radius = std::max(work.radius, flips);
        finish(work, probes_.size(), start);
    }

    // Hands on what is within the radius and was not found by an earlier block.
    template <class RadiusOf, class Sink>
    void verify(std::size_t j, const std::vector<SparsePlan>& plans, RadiusOf&& radius_of, Sink&& sink) {
        const std::uint32_t* positions = shard_.blocks[j].positions;
        const std::size_t total = candidates_.size();
        for (std::size_t i = 0; i < total + 2 * ahead; ++i) {
            if (i >= 2 * ahead) verify_one(j, candidates_[i - 2 * ahead], plans, radius_of, sink);
            if (i >= ahead && i < total + ahead) prefetch(positions[candidates_[i - ahead].entry]);
            if (i < total) __builtin_prefetch(positions + candidates_[i].entry);
        }
    }

    template <class RadiusOf, class Sink>
    void verify_one(std::size_t j, const Candidate& found, const std::vector<SparsePlan>& plans, RadiusOf&& radius_of, Sink&& sink) {
        const std::uint32_t position = shard_.blocks[j].positions[found.entry];
        const auto word = code(position);
        unsigned distance = 0;
        for (std::size_t w = 0; w < shard_.codes.words; ++w) distance += unsigned(__builtin_popcountll(query(found.query)[w] ^ word(w)));
        if (int(distance) > radius_of(found.query)) return;
        const auto& radii = plans[plan_of_[found.query]].blocks.radii;
        for (std::size_t before = 0; before < j; ++before)
            if (int(shard_.blocks[before].distance(query(found.query), word)) <= radii[before]) return;
        // A stranger that shares the bucket by chance is left to the block that finds it by right.
        if (int(shard_.blocks[j].distance(query(found.query), word)) > radii[j]) return;
        ++work_[j].verified;
        sink(found.query, position, std::uint16_t(distance));
    }

    template <class Sink>
    void by_lists(const std::vector<std::uint32_t>& active, const std::vector<SparsePlan>& plans, unsigned radius, Sink&& sink) {
        SparseWork& work = work_[shard_.blocks.size()];
        const auto start = Clock::now();
        std::size_t queries = 0;
        for (std::size_t i = 0; i < active.size(); ++i) {
            if (plans[i].route != Route::lists) continue;
            const std::uint32_t q = active[i];
            const ListWork done = lists_.run(query(q), tokens_of(query(q), shard_.codes.words), radius, plans[i].classes,
                                             [&](std::uint32_t position, std::uint16_t distance) { ++work.verified, sink(q, position, distance); });
            work.probes += done.postings;
            work.candidates += done.candidates;
            ++queries;
        }
        if (queries) finish(work, queries, start);
    }

    const SparseShard& shard_;
    const Queries& queries_;
    Isa isa_;
    std::vector<SparseWork>& work_;
    ListSearch lists_;
    std::vector<std::uint32_t> plan_of_, starts_;
    Probes probes_;
    Candidates candidates_;
};

// The k-NN search of one block of queries.
class GrowingAnswer {
  public:
    GrowingAnswer(const SparseShard& shard, const Queries& queries, std::uint32_t begin, std::uint32_t end, std::size_t k, int route,
                  const SparseCosts& costs, Isa isa)
        : shard_(shard), queries_(queries), route_(route), costs_(costs), begin_(begin), work_(shard.blocks.size() + 3),
          answering_(shard, queries, isa, work_), nearest_(end - begin, Nearest(k, farthest(), Ties::all)) {
        for (std::uint32_t q = begin; q < end; ++q) active_.push_back(q);
    }

    void run() {
        for (unsigned radius = 0; !active_.empty() && radius < farthest(); radius += 1 + radius / 4) grow(radius);
        left_.insert(left_.end(), active_.begin(), active_.end());
        scan();
    }

    void append_to(std::vector<Hit>& hits) {
        for (std::size_t i = 0; i < nearest_.size(); ++i)
            for (const auto& found : nearest_[i].found())
                hits.push_back({found.item, std::uint32_t(begin_ + i), found.distance});
    }

  private:
    unsigned farthest() const { return unsigned(64 * shard_.codes.words); }
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

    // Searches the active queries within a radius; those whose k nearest are certain then leave, as do those that are
    // cheaper to scan.
    void grow(unsigned radius) {
        std::vector<SparsePlan> plans;
        std::vector<std::uint32_t> searched;
        for (const std::uint32_t q : active_) {
            SparsePlan plan = plan_sparse(shard_, queries_.data + q * shard_.codes.words, radius, route_, costs_);
            if (plan.route == Route::folds || plan.route == Route::scan) {
                left_.push_back(q);
                continue;
            }
            restart(q, radius);
            searched.push_back(q);
            plans.push_back(std::move(plan));
        }
        answering_.run(searched, plans, radius, this->radius(), keep());
        std::erase_if(searched, [&](std::uint32_t q) { return nearest(q).has_k(); });
        active_ = std::move(searched);
    }

    // A few codes tell how far the k nearest can be; then folds are scanned where they reject enough, else whole codes.
    void scan() {
        if (left_.empty()) return;
        const std::size_t tried = std::max<std::size_t>(4096, 2 * nearest(left_[0]).k());
        for (const std::uint32_t q : left_) restart(q, farthest());
        answering_.scan_codes(left_, radius(), keep(), tried);
        std::vector<std::uint32_t> by_fold, by_code;
        for (const std::uint32_t q : left_) {
            const unsigned within = unsigned(nearest(q).radius());
            restart(q, within);
            (prefers_folds(shard_, within, costs_) ? by_fold : by_code).push_back(q);
        }
        answering_.scan_folds(by_fold, radius(), keep());
        answering_.scan_codes(by_code, radius(), keep());
    }

    const SparseShard& shard_;
    const Queries& queries_;
    int route_;
    const SparseCosts& costs_;
    std::uint32_t begin_;
    std::vector<SparseWork> work_;
    Answering answering_;
    std::vector<Nearest> nearest_;
    std::vector<std::uint32_t> active_, left_;
};

std::size_t task_queries(std::size_t queries, std::size_t threads) {
    return std::clamp<std::size_t>((queries + threads - 1) / std::max<std::size_t>(threads, 1), 1, queries_per_task);
}

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
    const std::size_t block = task_queries(queries.count, threads);
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

HitLists sparse_nearest(const SparseShard& shard, const Queries& queries, std::size_t k, int route, const SparseCosts& costs,
                        std::size_t threads, Isa isa) {
    const std::size_t block = task_queries(queries.count, threads);
    std::vector<std::vector<Hit>> parts((queries.count + block - 1) / block);
    parallel_for(parts.size(), threads, [&](std::size_t task) {
        GrowingAnswer search(shard, queries, std::uint32_t(task * block), std::uint32_t(std::min(queries.count, (task + 1) * block)), k, route, costs, isa);
        search.run();
        search.append_to(parts[task]);
    });
    return assemble(parts, shard.rows, queries.count, threads, k);
}

}  // namespace hashcore
