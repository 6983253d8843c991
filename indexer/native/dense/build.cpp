#include "indexer/native/dense/build.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "hashcore/native/common/parallel.hpp"

namespace hashcore {

namespace {

constexpr std::size_t rows_per_task = 1 << 16;
constexpr std::size_t ahead = 32;  // memory accesses kept in flight

std::size_t tasks_for(std::size_t n) { return (n + rows_per_task - 1) / rows_per_task; }

// Where each (chunk, value) of a stable counting sort writes next, and where each value starts.
struct Partition {
    std::vector<std::uint32_t> next;    // next[chunk * values + value]
    std::vector<std::uint32_t> starts;  // values + 1
};

// Counts value_of(i) for i < n in `chunks` equal chunks.
template <class Value>
Partition count_values(std::size_t n, std::size_t values, std::size_t chunks, std::size_t threads, Value&& value_of) {
    Partition partition{std::vector<std::uint32_t>(chunks * values, 0), std::vector<std::uint32_t>(values + 1, 0)};
    parallel_for(chunks, threads, [&](std::size_t c) {
        in_pieces(n * c / chunks, n * (c + 1) / chunks, 1, [&](std::size_t from, std::size_t to) {
            for (std::size_t i = from; i < to; ++i) ++partition.next[c * values + value_of(i)];
        });
    });
    std::uint32_t total = 0;
    for (std::size_t v = 0; v < values; ++v) {
        partition.starts[v] = total;
        for (std::size_t c = 0; c < chunks; ++c) {
            const std::uint32_t count = partition.next[c * values + v];
            partition.next[c * values + v] = total;
            total += count;
        }
    }
    partition.starts[values] = total;
    return partition;
}

// Memory that is about to be written in no order: the system clears its pages now, page by page, with looks between
// them.
template <class T>
Buffer<T> cleared(std::size_t size, std::size_t threads) {
    Buffer<T> buffer(size);
    constexpr std::size_t pages_per_task = 8, page = LargePages<T>::page;
    const std::size_t pages = (size * sizeof(T) + page - 1) / page;
    parallel_for((pages + pages_per_task - 1) / pages_per_task, threads, [&](std::size_t task) {
        for (std::size_t p = task * pages_per_task; p < std::min(pages, (task + 1) * pages_per_task); ++p) {
            Pulse::of_this_thread().beat(Pulse::between_looks);
            reinterpret_cast<volatile char*>(buffer.data())[p * page] = 0;
        }
    });
    return buffer;
}

std::uint64_t low_mask(std::size_t bits) { return bits >= 64 ? ~std::uint64_t(0) : (std::uint64_t(1) << bits) - 1; }

struct Row {
    std::uint64_t word;
    std::uint32_t number, short_id;
};

// Sorts a few thousand rows that agree in the bits from `shift` on: once more by the next bits, into buckets of about
// one row each, and then what little is left.
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
    for (Row* row = begin + 1; row < end; ++row) {  // insertion sort: every row is within a bucket of its place
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
        // Copies of the pointers live in registers.
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

// The same as permute_bits, bit by bit: for so few codes that a table would cost more.
void permute_set_bits(const Strided<const std::uint64_t>& codes, std::span<const std::uint16_t> order,
                      const Strided<std::uint64_t>& out) {
    std::vector<std::uint16_t> place(64 * codes.words);  // where a bit goes
    for (std::size_t to = 0; to < order.size(); ++to) place[order[to]] = std::uint16_t(to);
    for (std::size_t i = 0; i < codes.count; ++i, Pulse::of_this_thread().beat(64 * codes.words)) {
        for (std::size_t w = 0; w < codes.words; ++w) out(w, i) = 0;
        for (std::size_t w = 0; w < codes.words; ++w)
            for (std::uint64_t bits = codes(w, i); bits; bits &= bits - 1) {
                const std::size_t to = place[64 * w + std::size_t(__builtin_ctzll(bits))];
                out(to / 64, i) |= std::uint64_t(1) << (to % 64);
            }
    }
}

}  // namespace

void permute_bits(const Strided<const std::uint64_t>& codes, std::span<const std::uint16_t> order,
                  const Strided<std::uint64_t>& out, std::size_t threads) {
    if (codes.count < 4 * order.size()) return permute_set_bits(codes, order, out);
    // table[byte * 256 + value] holds the words that the eight bits of this byte contribute.
    const std::size_t bytes = 8 * codes.words, words = codes.words;
    std::vector<std::uint64_t> table(bytes * 256 * words, 0);
    for (std::size_t to = 0; to < order.size(); ++to) {
        const std::size_t byte = order[to] / 8, bit = order[to] % 8;
        for (std::size_t value = 0; value < 256; ++value)
            if (value >> bit & 1) table[(byte * 256 + value) * words + to / 64] |= std::uint64_t(1) << (to % 64);
    }
    parallel_for(tasks_for(codes.count), threads, [&](std::size_t task) {
        std::vector<std::uint64_t> result(words);
        in_pieces(task * rows_per_task, std::min(codes.count, (task + 1) * rows_per_task), bytes * words,
                  [&](std::size_t from, std::size_t to) {
            for (std::size_t i = from; i < to; ++i) {
                std::fill(result.begin(), result.end(), 0);
                for (std::size_t byte = 0; byte < bytes; ++byte) {
                    const std::size_t value = codes(byte / 8, i) >> (byte % 8 * 8) & 0xff;
                    for (std::size_t w = 0; w < words; ++w) result[w] |= table[(byte * 256 + value) * words + w];
                }
                for (std::size_t w = 0; w < words; ++w) out(w, i) = result[w];
            }
        });
    });
}

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
    // Each task counts its distinct codes, then knows where to write them.
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

void fill_table(const std::uint64_t* keys, const std::uint64_t* filter, std::size_t n, std::size_t shift,
                std::size_t bits, std::uint32_t* offsets, std::uint32_t* positions, std::uint64_t* words,
                std::size_t threads) {
    // Two steps of a counting sort: first by the high bits of the bucket, then each part, now small enough for the
    // cache, by the low bits.
    struct Entry {
        std::uint64_t word;
        std::uint32_t bucket, position;
    };
    const std::size_t low_bits = bits > 12 ? bits - std::min<std::size_t>(bits - 12, 10) : bits,
                      high_bits = bits - low_bits;
    const std::size_t values = std::size_t(1) << high_bits, chunks = std::max<std::size_t>(threads, 1) * 4;
    const std::uint64_t mask = low_mask(bits);
    auto bucket_of = [&](std::size_t i) { return keys[i] >> shift & mask; };
    Partition partition =
        count_values(n, values, chunks, threads, [&](std::size_t i) { return bucket_of(i) >> low_bits; });
    Buffer<Entry> entries = cleared<Entry>(n, threads);
    parallel_for(chunks, threads, [&](std::size_t c) {
        std::uint32_t* next = partition.next.data() + c * values;
        in_pieces(n * c / chunks, n * (c + 1) / chunks, 2, [&](std::size_t from, std::size_t to) {
            for (std::size_t i = from; i < to; ++i) {
                const std::uint64_t bucket = bucket_of(i);
                entries[next[bucket >> low_bits]++] = {filter[i], std::uint32_t(bucket), std::uint32_t(i)};
            }
        });
    });
    offsets[std::size_t(1) << bits] = std::uint32_t(n);
    parallel_for(values, threads, [&](std::size_t v) {
        const std::size_t begin = partition.starts[v], end = partition.starts[v + 1],
                          buckets = std::size_t(1) << low_bits;
        Pulse::of_this_thread().beat(2 * (end - begin));
        std::vector<std::uint32_t> next(buckets + 1, 0);
        for (std::size_t i = begin; i < end; ++i) ++next[(entries[i].bucket & (buckets - 1)) + 1];
        next[0] = std::uint32_t(begin);
        for (std::size_t b = 0; b < buckets; ++b) next[b + 1] += next[b];
        std::memcpy(offsets + (v << low_bits), next.data(), buckets * sizeof(*offsets));
        in_pieces(begin, end, 2, [&](std::size_t from, std::size_t stop) {
            for (std::size_t i = from; i < stop; ++i) {
                const std::uint32_t to = next[entries[i].bucket & (buckets - 1)]++;
                positions[to] = entries[i].position;
                words[to] = entries[i].word;
            }
        });
    });
}

void fill_offsets(const std::uint64_t* keys, std::size_t n, std::size_t shift, std::size_t bits,
                  std::uint32_t* offsets) {
    const std::uint64_t mask = low_mask(bits);
    std::size_t bucket = 0;
    in_pieces(0, n, 1, [&](std::size_t from, std::size_t to) {
        for (std::size_t i = from; i < to; ++i)
            for (const std::size_t of_code = keys[i] >> shift & mask; bucket <= of_code; ++bucket)
                offsets[bucket] = std::uint32_t(i);
    });
    for (; bucket <= std::size_t(1) << bits; ++bucket) offsets[bucket] = std::uint32_t(n);
}

}  // namespace hashcore
