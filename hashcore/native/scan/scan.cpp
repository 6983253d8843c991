// The linear scan, cut into tasks of some queries and some items.
#include "hashcore/native/scan/scan.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

#include "hashcore/native/scan/assembly.hpp"
#include "hashcore/native/scan/nearest.hpp"

namespace hashcore {

namespace {

constexpr std::size_t block_items = 2048;    // a block's first words take 16 KiB: half of a first-level cache
constexpr std::size_t group_queries = 1024;  // queries that share one sweep over the items

// The work of a scan, cut into (group of queries) × (range of items).
struct Cut {
    std::size_t groups, ranges, range_items;

    Cut(std::size_t queries, std::size_t items, std::size_t threads) {
        groups = (queries + group_queries - 1) / group_queries;
        const std::size_t wanted =
            threads > 1 && groups < 4 * threads ? (4 * threads + groups - 1) / std::max<std::size_t>(groups, 1) : 1;
        const std::size_t blocks = (items + block_items - 1) / block_items;
        range_items = std::max<std::size_t>((blocks + wanted - 1) / wanted, 1) * block_items;
        ranges = std::max<std::size_t>((items + range_items - 1) / range_items, 1);
    }
    std::size_t tasks() const { return groups * ranges; }
};

struct Task {
    std::size_t query_begin, query_end, item_begin, item_end;

    Task(const Cut& cut, std::size_t number, std::size_t queries, std::size_t items) {
        query_begin = number / cut.ranges * group_queries;
        query_end = std::min(queries, query_begin + group_queries);
        item_begin = number % cut.ranges * cut.range_items;
        item_end = std::min(items, item_begin + cut.range_items);
    }
};

// The items block by block, as columns: as they lie, or gathered from rows into the cache.
class Blocks {
  public:
    explicit Blocks(const Items& items)
        : items_(items), gathered_(items.rows ? items.columns.words * block_items : 0) {}

    std::size_t stride() const { return items_.rows ? block_items : items_.columns.stride; }
    const std::uint64_t* at(std::size_t begin, std::size_t count) {
        if (!items_.rows) return items_.columns.data + begin;
        gather_columns(items_.rows, items_.row_bytes, begin, count, gathered_.data(), block_items);
        return gathered_.data();
    }

  private:
    const Items& items_;
    std::vector<std::uint64_t> gathered_;
};

}  // namespace

void gather_columns(const std::uint8_t* rows, std::size_t row_bytes, std::size_t begin, std::size_t count,
                    std::uint64_t* columns, std::size_t stride) {
    for (std::size_t w = 0; 8 * w < row_bytes; ++w) {
        const std::size_t width = std::min<std::size_t>(8, row_bytes - 8 * w);
        const std::uint8_t* in = rows + begin * row_bytes + 8 * w;
        for (std::size_t i = 0; i < count; ++i, in += row_bytes) {
            std::uint64_t word = 0;
            std::memcpy(&word, in, width);
            columns[w * stride + i] = word;
        }
    }
}

const ScanKernels& scan_kernels(Isa isa) {
    switch (isa) {
#if defined(__x86_64__)
        case Isa::avx2: return scan_kernels_avx2;
        case Isa::avx512bw: return scan_kernels_avx512bw;
        case Isa::avx512vpopcntdq: return scan_kernels_avx512vpopcntdq;
#endif
        default: return scan_kernels_portable;
    }
}

std::vector<Hits> scan_range_hits(const Items& source, const Queries& queries, unsigned radius, std::size_t threads,
                                  Isa isa) {
    const ScanKernels& kernels = scan_kernels(isa);
    const Columns& columns = source.columns;
    const Cut cut(queries.count, columns.count, threads);
    std::vector<Hits> parts(cut.tasks());
    parallel_for(cut.tasks(), threads, [&](std::size_t number) {
        const Task task(cut, number, queries.count, columns.count);
        Hits hits;
        Blocks blocks(source);
        std::uint32_t items[block_items];
        std::uint16_t distances[block_items];
        for (std::size_t begin = task.item_begin; begin < task.item_end; begin += block_items) {
            const std::size_t count = std::min(block_items, task.item_end - begin);
            const std::uint64_t* block = blocks.at(begin, count);
            in_pieces(task.query_begin, task.query_end, count * columns.words,
                      [&](std::size_t first, std::size_t last) {
                for (std::size_t q = first; q < last; ++q) {
                    const std::size_t found =
                        kernels.filter(block, blocks.stride(), columns.words, count, queries.data + q * columns.words,
                                       radius, items, distances);
                    for (std::size_t i = 0; i < found; ++i)
                        hits.push_back({std::uint32_t(begin + items[i]), std::uint32_t(q), distances[i]});
                }
            });
        }
        parts[number] = std::move(hits);
    });
    return parts;
}

HitLists scan_range(const Items& source, const Queries& queries, unsigned radius, std::size_t threads, Isa isa) {
    return assemble(scan_range_hits(source, queries, radius, threads, isa), Rows{}, queries.count, threads);
}

HitLists scan_nearest(const Items& source, const Queries& queries, std::size_t k, std::size_t threads, Isa isa) {
    const ScanKernels& kernels = scan_kernels(isa);
    const Columns& columns = source.columns;
    const Cut cut(queries.count, columns.count, threads);
    std::vector<Hits> parts(cut.tasks());
    parallel_for(cut.tasks(), threads, [&](std::size_t number) {
        const Task task(cut, number, queries.count, columns.count);
        std::vector<Nearest> nearest(task.query_end - task.query_begin,
                                     Nearest(k, unsigned(64 * columns.words), Ties::first));
        Blocks blocks(source);
        Pulse& pulse = Pulse::of_this_thread();
        std::uint32_t items[block_items];
        std::uint16_t distances[block_items];
        for (std::size_t begin = task.item_begin; begin < task.item_end; begin += block_items) {
            const std::size_t count = std::min(block_items, task.item_end - begin);
            const std::uint64_t* block = blocks.at(begin, count);
            in_pieces(task.query_begin, task.query_end, count * columns.words,
                      [&](std::size_t first, std::size_t last) {
                for (std::size_t q = first; q < last; ++q) {
                    Nearest& list = nearest[q - task.query_begin];
                    if (list.radius() < 0) continue;
                    const std::size_t found =
                        kernels.filter(block, blocks.stride(), columns.words, count, queries.data + q * columns.words,
                                       unsigned(list.radius()), items, distances);
                    for (std::size_t i = 0; i < found; ++i) list.add(std::uint32_t(begin + items[i]), distances[i]);
                }
            });
        }
        for (std::size_t q = task.query_begin; q < task.query_end; ++q) {
            pulse.beat(4 * k);
            for (const auto& found : nearest[q - task.query_begin].found())
                parts[number].push_back({found.item, std::uint32_t(q), found.distance});
        }
    });
    return assemble(parts, Rows{}, queries.count, threads, k);
}

void scan_histogram(const Columns& columns, const Queries& queries, const Masks& masks, std::size_t bins,
                    std::int64_t* all, std::int64_t* relevant, std::size_t threads, Isa isa) {
    const ScanKernels& kernels = scan_kernels(isa);
    constexpr std::size_t histogram_queries = 16;
    const std::size_t tasks = (queries.count + histogram_queries - 1) / histogram_queries;
    parallel_for(tasks, threads, [&](std::size_t number) {
        const auto scratch = std::make_unique<HistogramScratch>();
        Pulse& pulse = Pulse::of_this_thread();
        const std::size_t query_end = std::min(queries.count, (number + 1) * histogram_queries);
        for (std::size_t begin = 0; begin < columns.count; begin += HistogramScratch::items) {
            const std::size_t count = std::min(HistogramScratch::items, columns.count - begin);
            for (std::size_t q = number * histogram_queries; q < query_end; ++q) {
                pulse.beat(count * columns.words);
                kernels.histogram(columns.data + begin, columns.stride, columns.words, count,
                                  queries.data + q * columns.words, masks.items + begin, masks.stride, masks.words,
                                  masks.queries + q * masks.words, bins, *scratch, all + q * bins,
                                  relevant + (masks.words ? q * bins : 0));
            }
        }
    });
}

}  // namespace hashcore
