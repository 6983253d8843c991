#include "indexer/native/dense/search.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>

#include "hashcore/native/scan/assembly.hpp"
#include "hashcore/native/scan/nearest.hpp"
#include "indexer/native/common/row_limit.hpp"
#include "indexer/native/dense/sweep.hpp"

namespace hashcore {

namespace {

constexpr std::size_t ahead = 32;                // memory accesses kept in flight
constexpr std::size_t block_items = 2048;        // of a scan, as in hashcore
constexpr std::size_t queries_per_block = 8192;  // of a k-NN task

const std::uint64_t* code_of(const Queries& queries, std::size_t words, std::size_t query) {
    return queries.data + query * words;
}

// Turns candidates into verified distances and hands them to sink(query, position, distance).
class Verifier {
  public:
    Verifier(const Shard& shard, const Queries& queries, const Pass& pass)
        : shard_(shard), queries_(queries), table_(shard.tables[pass.table]) {
        for (std::size_t t = 0; t < shard.tables.size(); ++t) {
            if (pass.already[t] < 0) continue;
            const Table& table = shard.tables[t];
            if (table.word != table_.filter_word)
                known_.push_back({table.word, substring_mask(table), pass.already[t]});
        }
    }

    // The look-up has left out what the filter word shows to be reported already.
    template <class Radius, class Sink>
    void verify(const Candidates& candidates, Radius&& radius_of, Sink&& sink) const {
        const std::size_t words = shard_.codes.words, total = candidates.size();
        in_pieces(0, total + 2 * ahead, 8, [&](std::size_t from, std::size_t to) {
            for (std::size_t i = from; i < to; ++i) {
                if (i >= 2 * ahead) verify_one(candidates[i - 2 * ahead], radius_of, sink);
                if (i >= ahead && i < total + ahead) {
                    const std::uint32_t position = table_.position(candidates[i - ahead].entry);
                    for (std::size_t w = 0; w < words; ++w)
                        if (w != table_.filter_word)
                            __builtin_prefetch(shard_.codes.data + w * shard_.codes.stride + position);
                }
                if (i >= total) continue;
                if (table_.positions) __builtin_prefetch(table_.positions + candidates[i].entry);
                if (words > 1) __builtin_prefetch(query(candidates[i]));
            }
        });
    }

  private:
    // A table that has reported every item with at most `differing` bits other than the query's in its substring, where
    // that is not in the filter word.
    struct Known {
        std::size_t word;
        std::uint64_t mask;
        int differing;
    };

    const std::uint64_t* query(const Candidate& found) const {
        return code_of(queries_, shard_.codes.words, found.query);
    }

    template <class Radius, class Sink>
    void verify_one(const Candidate& found, Radius&& radius_of, Sink&& sink) const {
        const std::uint32_t position = table_.position(found.entry);
        if (position >= shard_.codes.count) [[unlikely]]
            return;
        const auto word = [&](std::size_t w) { return shard_.codes.data[w * shard_.codes.stride + position]; };
        unsigned distance = found.distance;
        for (std::size_t w = 0; w < shard_.codes.words; ++w)
            if (w != table_.filter_word) distance += unsigned(__builtin_popcountll(query(found)[w] ^ word(w)));
        if (int(distance) <= radius_of(found.query) && is_new(query(found), word))
            sink(found.query, position, std::uint16_t(distance));
    }

    template <class Word>
    bool is_new(const std::uint64_t* query, Word&& word) const {
        for (const Known& by : known_)
            if (__builtin_popcountll((query[by.word] ^ word(by.word)) & by.mask) <= by.differing) return false;
        return true;
    }

    const Shard& shard_;
    const Queries& queries_;
    const Table& table_;
    std::vector<Known> known_;
};

Probe probe_of(const Table& table, const Queries& queries, std::size_t words, std::size_t query, unsigned radius) {
    const std::uint64_t* code = code_of(queries, words, query);
    return {code[table.filter_word], table.bucket_of(code), radius, std::uint32_t(query)};
}

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// The pass of a range search over table j: all flips up to radii[j], less what the tables before it have reported.
Pass range_pass(const std::vector<int>& radii, std::size_t table) {
    Pass pass{table, 0, std::size_t(radii[table]), std::vector<int>(radii.size(), -1)};
    for (std::size_t t = 0; t < table; ++t) pass.already[t] = radii[t];
    return pass;
}

// Step (flips, table) of a growing radius, less what the steps before it have reported.
Pass growing_pass(std::size_t tables, std::size_t flips, std::size_t table) {
    Pass pass{table, flips, flips, std::vector<int>(tables, int(flips) - 1)};
    for (std::size_t t = 0; t < table; ++t) pass.already[t] = int(flips);
    return pass;
}

// The k-NN search of one block of queries.
class GrowingSearch {
  public:
    GrowingSearch(const Shard& shard, const Queries& queries, std::size_t begin, std::size_t end, std::size_t k,
                  unsigned farthest, const Costs& costs, Isa isa)
        : shard_(shard), queries_(queries), costs_(costs), isa_(isa), begin_(begin),
          nearest_(end - begin, Nearest(k, farthest, Ties::all)) {
        for (std::size_t q = begin; q < end; ++q) active_.push_back(q);
        for (const Table& table : shard.tables)
            known_.push_back({0, double(shard.codes.count) / double(std::size_t(1) << table.bits)});
    }

    void run(std::uint8_t* scanned) {
        std::size_t radius = 0;  // every item within it has been seen once the pass that ends with it is done
        for (std::size_t flips = 0; !active_.empty() && !shard_.tables.empty() && radius <= 64 * shard_.codes.words;
             ++flips)
            for (std::size_t table = 0; table < shard_.tables.size() && !active_.empty(); ++table, ++radius) {
                if (is_dearer_than_scan(flips, table)) return scan(scanned);
                if (flips <= shard_.tables[table].bits) grow(flips, table);
                std::erase_if(active_, [&](std::size_t q) {
                    return nearest_[q - begin_].has_k() && nearest_[q - begin_].radius() <= int(radius);
                });
            }
        if (!active_.empty()) scan(scanned);
    }

    void append_to(Hits& hits) {
        for (std::size_t i = 0; i < nearest_.size(); ++i, Pulse::of_this_thread().beat(nearest_[0].k()))
            for (const auto& found : nearest_[i].found())
                hits.push_back({found.item, std::uint32_t(begin_ + i), found.distance});
    }

  private:
    // The last ring of a table that was looked up, and its mean entries; before the first one, those of an even spread.
    struct Known {
        std::size_t flips;
        double entries;
    };

    void grow(std::size_t flips, std::size_t table_number) {
        const Table& table = shard_.tables[table_number];
        probes_.clear(active_.size());
        for (const std::size_t q : active_)
            probes_.push_back(
                probe_of(table, queries_, shard_.codes.words, q, unsigned(nearest_[q - begin_].radius())));
        const Pass pass = growing_pass(shard_.tables.size(), flips, table_number);
        const Sweep sweep(shard_, pass, probes_, bucket_kernels(isa_));
        const Verifier verifier(shard_, queries_, pass);
        Candidates candidates;
        std::uint64_t compared = 0;
        for (std::size_t task = 0; task < sweep.tasks(); ++task) {
            compared += sweep.run(task, candidates);
            verifier.verify(candidates, [&](std::uint32_t q) { return nearest_[q - begin_].radius(); },
                            [&](std::uint32_t q, std::uint32_t position, std::uint16_t distance) {
                nearest_[q - begin_].add(position, distance, shard_.rows.count(position));
            });
            candidates.clear();
        }
        spent_ += costs_.probe * double(sweep.probes()) + costs_.candidate * double(compared);
        known_[table_number] = {flips, double(compared) / double(active_.size())};
    }

    // Compares what the next pass is expected to cost, by the last pass over the same table, with a scan less what the
    // passes so far have cost. That is lost where a scan follows, so a scan counts as if it read only first words.
    bool is_dearer_than_scan(std::size_t flips, std::size_t table_number) const {
        const Known& known = known_[table_number];
        const double next = costs_.of(ring_of(shard_.tables[table_number].bits, flips, known.flips, known.entries));
        return double(active_.size()) * (costs_.of_scan(shard_.codes.count, 1) - next) < spent_;
    }

    void scan(std::uint8_t* scanned) {
        const ScanKernels& kernels = scan_kernels(isa_);
        const Columns& codes = shard_.codes;
        for (const std::size_t q : active_) {  // start again: a scan meets what the tables have found
            Nearest& nearest = nearest_[q - begin_];
            const int radius = nearest.radius();
            nearest = Nearest(nearest.k(), unsigned(radius), Ties::all);
            scanned[q] = 1;
        }
        std::uint32_t items[block_items];
        std::uint16_t distances[block_items];
        Pulse& pulse = Pulse::of_this_thread();
        for (std::size_t begin = 0; begin < codes.count; begin += block_items)
            for (const std::size_t q : active_) {
                pulse.beat(block_items * codes.words);
                Nearest& nearest = nearest_[q - begin_];
                const std::size_t found = kernels.filter(
                    codes.data + begin, codes.stride, codes.words, std::min(block_items, codes.count - begin),
                    code_of(queries_, codes.words, q), unsigned(nearest.radius()), items, distances);
                for (std::size_t i = 0; i < found; ++i)
                    nearest.add(std::uint32_t(begin + items[i]), distances[i], shard_.rows.count(begin + items[i]));
            }
    }

    const Shard& shard_;
    const Queries& queries_;
    const Costs& costs_;
    Isa isa_;
    std::size_t begin_;
    double spent_ = 0;
    std::vector<Known> known_;
    std::vector<Nearest> nearest_;
    std::vector<std::size_t> active_;
    Probes probes_;
};

}  // namespace

const BucketKernels& bucket_kernels(Isa isa) {
    switch (isa) {
#if defined(__x86_64__)
        case Isa::avx2: return bucket_kernels_avx2;
        case Isa::avx512bw: return bucket_kernels_avx512bw;
        case Isa::avx512vpopcntdq: return bucket_kernels_avx512vpopcntdq;
#endif
        default: return bucket_kernels_portable;
    }
}

HitLists range_search(const Shard& shard, const Queries& queries, const Plan& plan, std::size_t threads, Isa isa,
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

HitLists knn_search(const Shard& shard, const Queries& queries, std::size_t k, unsigned farthest, const Costs& costs,
                    std::size_t threads, Isa isa, std::uint8_t* scanned) {
    const std::size_t block = std::clamp<std::size_t>((queries.count + threads - 1) / std::max<std::size_t>(threads, 1),
                                                      1, queries_per_block);
    std::vector<Hits> parts((queries.count + block - 1) / block);
    parallel_for(parts.size(), threads, [&](std::size_t task) {
        GrowingSearch search(shard, queries, task * block, std::min(queries.count, (task + 1) * block), k, farthest,
                             costs, isa);
        search.run(scanned);
        search.append_to(parts[task]);
    });
    return assemble(parts, shard.rows, queries.count, threads, k);
}

}  // namespace hashcore
