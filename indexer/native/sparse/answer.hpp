// The answers to planned queries of sparse codes, as range search and k-NN need them.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "hashcore/native/scan/scan_kernels.hpp"
#include "indexer/native/common/bucket_kernels.hpp"
#include "indexer/native/sparse/fold_search.hpp"
#include "indexer/native/sparse/search.hpp"
#include "indexer/native/common/probes.hpp"

namespace hashcore {

inline std::vector<std::uint32_t> tokens_of(const std::uint64_t* query, std::size_t words) {
    std::vector<std::uint32_t> tokens;
    each_bit(query, 0, 64 * words, [&](std::size_t bit) { tokens.push_back(std::uint32_t(bit)); });
    return tokens;
}

// Answers some queries by their plans, and calls sink(query, position, distance) once for each code found.
class Answering {
  public:
    Answering(const SparseShard& shard, const Queries& queries, Isa isa, std::vector<SparseWork>& work)
        : shard_(shard), queries_(queries), isa_(isa), work_(work), lists_(shard.lists, shard.codes),
          folds_(shard.folds, shard.codes) {}

    // radius_of(query) may fall while answers come in.
    template <class RadiusOf, class Sink>
    void run(const Planned& planned, unsigned radius, RadiusOf&& radius_of, Sink&& sink) {
        by_folds(planned.of(Route::folds), radius, radius_of, sink);
        for (std::size_t j = 0; j < shard_.blocks.size(); ++j)
            for (int flips = 0; flips <= most_flips; ++flips) look_up(j, flips, planned, radius, radius_of, sink);
        by_lists(planned, radius, sink);
        scan_folds(planned.of(Route::fold_scan), radius_of, sink);
        scan_codes(planned.of(Route::scan), radius_of, sink);
    }

    template <class RadiusOf, class Sink>
    void scan_folds(const std::vector<std::uint32_t>& active, RadiusOf&& radius_of, Sink&& sink) {
        if (active.empty()) return;
        SparseWork& work = work_[shard_.structure(Route::fold_scan)];
        const auto start = Clock::now();
        const ScanKernels& kernels = scan_kernels(isa_);
        std::vector<std::uint64_t> folds;
        for (const std::uint32_t q : active) folds.push_back(folded(query(q), shard_.codes.words).fold);
        std::uint32_t items[block_items];
        std::uint16_t distances[block_items];
        Pulse& pulse = Pulse::of_this_thread();
        for (std::size_t begin = 0; begin < shard_.codes.count; begin += block_items)
            for (std::size_t i = 0; i < active.size(); ++i) {
                pulse.beat(block_items);
                const unsigned limit = unsigned(std::min(radius_of(active[i]), 64));
                const std::size_t found = kernels.filter(shard_.scanned_folds() + begin, shard_.codes.count, 1,
                                                         std::min(block_items, shard_.codes.count - begin), &folds[i],
                                                         limit, items, distances);
                for (std::size_t f = 0; f < found; ++f)
                    prefetch(items[f] = shard_.blocks[0].positions[begin + items[f]]);
                for (std::size_t f = 0; f < found; ++f) {
                    if (items[f] >= shard_.codes.count) [[unlikely]]
                        continue;
                    const unsigned distance = distance_to(active[i], items[f]);
                    if (int(distance) <= radius_of(active[i]))
                        ++work.verified, sink(active[i], items[f], std::uint16_t(distance));
                }
                work.candidates += found;
                pulse.beat(4 * found);
            }
        finish(work, active.size(), start);
    }

    // Stops before position `end`.
    template <class RadiusOf, class Sink>
    void scan_codes(const std::vector<std::uint32_t>& active, RadiusOf&& radius_of, Sink&& sink,
                    std::size_t end = ~std::size_t(0)) {
        if (active.empty()) return;
        SparseWork& work = work_[shard_.structure(Route::scan)];
        const auto start = Clock::now();
        const ScanKernels& kernels = scan_kernels(isa_);
        const Columns& codes = shard_.codes;
        end = std::min(end, codes.count);
        std::uint32_t items[block_items];
        std::uint16_t distances[block_items];
        Pulse& pulse = Pulse::of_this_thread();
        for (std::size_t begin = 0; begin < end; begin += block_items)
            for (const std::uint32_t q : active) {
                pulse.beat(block_items * codes.words);
                const std::size_t found =
                    kernels.filter(codes.data + begin, codes.stride, codes.words, std::min(block_items, end - begin),
                                   query(q), unsigned(radius_of(q)), items, distances);
                for (std::size_t f = 0; f < found; ++f) sink(q, std::uint32_t(begin + items[f]), distances[f]);
                work.verified += found;
            }
        work.candidates += active.size() * end;
        finish(work, active.size(), start);
    }

  private:
    using Clock = std::chrono::steady_clock;
    static constexpr std::size_t ahead = 32;                    // memory accesses kept in flight
    static constexpr std::size_t block_items = 2048;            // of a scan, as in hashcore
    static constexpr std::size_t look_ups_per_batch = 1 << 22;  // limits the candidates that wait

    const std::uint64_t* query(std::size_t q) const { return queries_.data + q * shard_.codes.words; }
    auto code(std::uint32_t position) const {
        return [this, position](std::size_t w) { return shard_.codes.data[w * shard_.codes.stride + position]; };
    }
    void prefetch(std::uint32_t position) const {
        for (std::size_t w = 0; w < shard_.codes.words; ++w)
            __builtin_prefetch(shard_.codes.data + w * shard_.codes.stride + position);
    }
    unsigned distance_to(std::uint32_t q, std::uint32_t position) const {
        unsigned distance = 0;
        for (std::size_t w = 0; w < shard_.codes.words; ++w)
            distance += unsigned(__builtin_popcountll(query(q)[w] ^ code(position)(w)));
        return distance;
    }

    static void finish(SparseWork& work, std::size_t queries, Clock::time_point start) {
        work.queries += queries;
        work.seconds += std::chrono::duration<double>(Clock::now() - start).count();
    }

    template <class RadiusOf, class Sink>
    void by_folds(const std::vector<std::uint32_t>& active, unsigned radius, RadiusOf&& radius_of, Sink&& sink) {
        if (active.empty()) return;
        SparseWork& work = work_[shard_.structure(Route::folds)];
        const auto start = Clock::now();
        const FoldWork done = folds_.run(queries_, active, radius, radius_of, sink);
        work.probes += done.look_ups, work.candidates += done.candidates, work.verified += done.verified;
        finish(work, active.size(), start);
    }

    // Looks up block j for the queries that allow it exactly `flips` flips, in batches of limited size. Only blocks of
    // fewer bits allow more flips than most_flips.
    template <class RadiusOf, class Sink>
    void look_up(std::size_t j, int flips, const Planned& planned, unsigned radius, RadiusOf&& radius_of, Sink&& sink) {
        const Block& block = shard_.blocks[j];
        const std::vector<std::uint32_t>& active = planned.of(Route::signatures);
        const std::vector<Allocation>& plans = planned.by_signatures();
        SparseWork& work = work_[1 + j];
        plan_of_.resize(queries_.count);
        probes_.clear(active.size());
        const auto start = Clock::now();
        for (std::size_t i = 0; i < active.size(); ++i) {
            if (std::min<int>(plans[i].radii[j], most_flips) != flips) continue;
            const std::uint64_t* code = query(active[i]);
            plan_of_[active[i]] = std::uint32_t(i);
            probes_.push_back({folded(code, shard_.codes.words).fold, block.bucket_of(code), radius, active[i]});
        }
        if (probes_.size() == 0) return;
        const std::vector<std::uint32_t>& masks = block.flips(flips);
        const std::size_t order_bits = std::min<std::size_t>(block.bits, probes_.size() < 256 ? 0 : 12);
        probes_.order_by_bucket(block.bits - order_bits, order_bits, starts_);
        const std::size_t batch = std::max<std::size_t>(look_ups_per_batch / masks.size(), 1);
        for (std::size_t begin = 0; begin < probes_.size(); begin += batch) {
            const std::size_t count = std::min(batch, probes_.size() - begin);
            work.candidates += look_up_in_time(bucket_kernels(isa_), block.buckets, probes_.data() + begin, count,
                                               masks, {nullptr, 0}, candidates_);
            verify(j, plans, radius_of, sink);
            candidates_.clear();
        }
        work.probes += probes_.size() * masks.size();
        work.radius = std::max(work.radius, flips);
        finish(work, probes_.size(), start);
    }

    // Reports the candidates that are within the radius and that no earlier block has found.
    template <class RadiusOf, class Sink>
    void verify(std::size_t j, const std::vector<Allocation>& plans, RadiusOf&& radius_of, Sink&& sink) {
        const std::uint32_t* positions = shard_.blocks[j].positions;
        const std::size_t total = candidates_.size();
        in_pieces(0, total + 2 * ahead, 8, [&](std::size_t from, std::size_t to) {
            for (std::size_t i = from; i < to; ++i) {
                if (i >= 2 * ahead) verify_one(j, candidates_[i - 2 * ahead], plans, radius_of, sink);
                if (i >= ahead && i < total + ahead) prefetch(positions[candidates_[i - ahead].entry]);
                if (i < total) __builtin_prefetch(positions + candidates_[i].entry);
            }
        });
    }

    template <class RadiusOf, class Sink>
    void verify_one(std::size_t j, const Candidate& found, const std::vector<Allocation>& plans, RadiusOf&& radius_of,
                    Sink&& sink) {
        const std::uint32_t position = shard_.blocks[j].positions[found.entry];
        if (position >= shard_.codes.count) [[unlikely]]
            return;
        const auto word = code(position);
        unsigned distance = 0;
        for (std::size_t w = 0; w < shard_.codes.words; ++w)
            distance += unsigned(__builtin_popcountll(query(found.query)[w] ^ word(w)));
        if (int(distance) > radius_of(found.query)) return;
        const auto& radii = plans[plan_of_[found.query]].radii;
        for (std::size_t before = 0; before < j; ++before)
            if (int(shard_.blocks[before].distance(query(found.query), word)) <= radii[before]) return;
        // A code that shares the bucket by chance is left to the block whose radius holds it.
        if (int(shard_.blocks[j].distance(query(found.query), word)) > radii[j]) return;
        ++work_[1 + j].verified;
        sink(found.query, position, std::uint16_t(distance));
    }

    template <class Sink>
    void by_lists(const Planned& planned, unsigned radius, Sink&& sink) {
        const std::vector<std::uint32_t>& active = planned.of(Route::lists);
        if (active.empty()) return;
        SparseWork& work = work_[shard_.structure(Route::lists)];
        const auto start = Clock::now();
        for (std::size_t i = 0; i < active.size(); ++i) {
            const std::uint32_t q = active[i];
            const ListWork done = lists_.run(
                query(q), tokens_of(query(q), shard_.codes.words), radius, planned.by_lists()[i],
                [&](std::uint32_t position, std::uint16_t distance) { ++work.verified, sink(q, position, distance); });
            work.probes += done.postings;
            work.candidates += done.candidates;
        }
        finish(work, active.size(), start);
    }

    const SparseShard& shard_;
    const Queries& queries_;
    Isa isa_;
    std::vector<SparseWork>& work_;
    ListSearch lists_;
    FoldSearch folds_;
    std::vector<std::uint32_t> plan_of_, starts_;
    Probes probes_;
    Candidates candidates_;
};

}  // namespace hashcore
