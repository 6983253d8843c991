// k-NN search: blocks of queries grow their radius together, until a scan is cheaper.
#include "indexer/native/dense/nearest.hpp"

#include <algorithm>
#include <vector>

#include "hashcore/native/scan/assembly.hpp"
#include "hashcore/native/scan/nearest.hpp"
#include "indexer/native/dense/sweep.hpp"
#include "indexer/native/dense/verifier.hpp"

namespace hashcore {

namespace {

constexpr std::size_t block_items = 2048;        // of a scan, as in hashcore
constexpr std::size_t queries_per_block = 8192;  // of a k-NN task

// The pass of a growing radius over one table, less what the passes before it have reported.
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
        std::size_t radius = 0;  // whatever is within it was found, once this pass is done
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
    // The last ring of a table that was looked up, and its mean entries. At first the ring 0 of evenly spread codes.
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

    // Compares the expected cost of the next pass with a scan less what the passes so far have cost, which a scan would
    // waste. The estimate rests on the last pass over the same table. Of a scan only first words count, so it is chosen
    // early.
    bool is_dearer_than_scan(std::size_t flips, std::size_t table_number) const {
        const Known& known = known_[table_number];
        const double next = costs_.of(ring_of(shard_.tables[table_number].bits, flips, known.flips, known.entries));
        return double(active_.size()) * (costs_.of_scan(shard_.codes.count, 1) - next) < spent_;
    }

    void scan(std::uint8_t* scanned) {
        const ScanKernels& kernels = scan_kernels(isa_);
        const Columns& codes = shard_.codes;
        for (const std::size_t q : active_) {  // a scan finds again what the tables have found
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
