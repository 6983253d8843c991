// The order of a shard's rows: a counting sort by the first bits, then each part by the rest.
#include "indexer/native/building/arrangement.hpp"

#include <algorithm>
#include <vector>

#include "indexer/native/building/partition.hpp"

namespace hashcore {

namespace {

constexpr std::size_t ahead = 32;  // memory accesses kept in flight

struct Row {
    std::uint64_t word;
    std::uint32_t number, short_id;
};

// Sorts a few thousand rows that agree in the bits from `shift` on: by the next bits, into buckets of about one row
// each, then by insertion.
template <class Before>
void sort_part(Row* begin, Row* end, std::size_t shift, std::vector<Row>& room, std::vector<std::uint32_t>& next,
               const Before& before) {
    const std::size_t count = std::size_t(end - begin), bits = std::min<std::size_t>(shift, 12);
    Pulse::of_this_thread().beat(16 * count);
    if (count < 64) return std::sort(begin, end, before);
    if (bits == 0) return sort_in_time(begin, end, before);
    const std::size_t low = shift - bits;
    const std::uint64_t mask = low_mask(bits);
    next.assign((std::size_t(1) << bits) + 1, 0);
    for (const Row* row = begin; row < end; ++row) ++next[(row->word >> low & mask) + 1];
    const std::uint32_t fullest = *std::max_element(next.begin(), next.end());
    for (std::size_t v = 0; v < (std::size_t(1) << bits); ++v) next[v + 1] += next[v];
    room.resize(std::max(room.size(), count));
    for (const Row* row = begin; row < end; ++row) room[next[row->word >> low & mask]++] = *row;
    std::copy(room.begin(), room.begin() + std::ptrdiff_t(count), begin);
    if (fullest > 32) return sort_in_time(begin, end, before);
    for (Row* row = begin + 1; row < end; ++row) {  // every row is within a bucket of its place
        const Row moved = *row;
        Row* to = row;
        for (; to > begin && before(moved, to[-1]); --to) *to = to[-1];
        *to = moved;
    }
}

// The rows in their final order.
Buffer<Row> partitioned_rows(const Columns& codes, std::size_t bits, const std::int64_t* ids, std::int64_t base,
                             bool are_short, std::size_t threads) {
    const std::size_t n = codes.count, high_bits = std::min<std::size_t>(bits, 12), shift = bits - high_bits;
    const std::size_t values = std::size_t(1) << high_bits, chunks = std::max<std::size_t>(threads, 1) * 4;
    const auto value_of = [&](std::size_t i) { return codes.data[i] >> shift; };
    Partition partition = count_values(n, values, chunks, threads, value_of);
    Buffer<Row> rows = cleared<Row>(n, threads);
    parallel_for(chunks, threads, [&](std::size_t c) {
        // Local copies of the pointers stay in registers.
        in_pieces(
            n * c / chunks, n * (c + 1) / chunks, 2,
            [&, next = partition.next.data() + c * values, to_row = rows.data()](std::size_t from, std::size_t to) {
            for (std::size_t i = from; i < to; ++i)
                to_row[next[value_of(i)]++] = {codes.data[i], std::uint32_t(i),
                                               are_short ? std::uint32_t(ids[i] - base) : 0};
        });
    });
    const auto before = [&](const Row& a, const Row& b) {
        if (a.word != b.word) return a.word < b.word;
        for (std::size_t w = 1; w < codes.words; ++w) {
            const std::uint64_t x = codes.data[w * codes.stride + a.number],
                                y = codes.data[w * codes.stride + b.number];
            if (x != y) return x < y;
        }
        return ids[a.number] < ids[b.number];
    };
    parallel_for(threads > 1 ? values : 1, threads, [&](std::size_t task) {
        std::vector<Row> room;
        std::vector<std::uint32_t> next;
        const std::size_t first = threads > 1 ? task : 0, last = threads > 1 ? task + 1 : values;
        for (std::size_t v = first; v < last; ++v)
            sort_part(rows.data() + partition.starts[v], rows.data() + partition.starts[v + 1], shift, room, next,
                      before);
    });
    return rows;
}

}  // namespace

Arranged arrange(const Columns& codes, std::size_t bits, const std::int64_t* ids, std::int64_t base, bool are_short,
                 std::size_t threads) {
    const std::size_t n = codes.count;
    Buffer<Row> rows = partitioned_rows(codes, bits, ids, base, are_short, threads);
    Arranged arranged{Buffer<std::uint64_t>(n * codes.words), Buffer<std::uint32_t>(n), Buffer<std::uint32_t>(n),
                      Buffer<std::uint32_t>(are_short ? n : 0)};
    const auto differs = [&](std::size_t r) {
        if (r == 0 || rows[r].word != rows[r - 1].word) return true;
        for (std::size_t w = 1; w < codes.words; ++w) {
            const std::uint64_t* column = codes.data + w * codes.stride;
            if (column[rows[r].number] != column[rows[r - 1].number]) return true;
        }
        return false;
    };
    // Each task counts its distinct codes; the sums say where each writes them.
    const std::size_t tasks = tasks_for(n);
    std::vector<std::size_t> first(tasks + 1, 0);
    parallel_for(tasks, threads, [&](std::size_t task) {
        Pulse::of_this_thread().beat(8 * rows_per_task);
        for (std::size_t r = task * rows_per_task; r < std::min(n, (task + 1) * rows_per_task); ++r)
            first[task + 1] += differs(r);
    });
    for (std::size_t task = 0; task < tasks; ++task) first[task + 1] += first[task];
    const std::size_t distinct = first[tasks];
    parallel_for(tasks, threads, [&](std::size_t task) {
        std::size_t p = first[task];
        Pulse::of_this_thread().beat(8 * rows_per_task * codes.words);
        for (std::size_t r = task * rows_per_task; r < std::min(n, (task + 1) * rows_per_task); ++r) {
            const Row& row = rows[r];
            arranged.order[r] = row.number;
            if (are_short) arranged.short_ids[r] = row.short_id;
            if (!differs(r)) continue;
            arranged.starts[p] = std::uint32_t(r);
            arranged.codes[p] = row.word;
            for (std::size_t w = 1; w < codes.words; ++w) {
                if (r + ahead < n) __builtin_prefetch(codes.data + w * codes.stride + rows[r + ahead].number);
                arranged.codes[w * distinct + p] = codes.data[w * codes.stride + row.number];
            }
            ++p;
        }
    });
    arranged.codes.shrink(distinct * codes.words);
    arranged.starts.shrink(distinct);
    return arranged;
}

}  // namespace hashcore
