#include "indexer/native/build.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "hashcore/native/parallel.hpp"

namespace hashcore {

namespace {

constexpr std::size_t rows_per_task = 1 << 16;

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
        for (std::size_t i = n * c / chunks; i < n * (c + 1) / chunks; ++i) ++partition.next[c * values + value_of(i)];
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

std::uint64_t low_mask(std::size_t bits) { return bits >= 64 ? ~std::uint64_t(0) : (std::uint64_t(1) << bits) - 1; }

}  // namespace

void permute_bits(const Columns& codes, const std::vector<std::uint16_t>& order, std::uint64_t* out, std::size_t threads) {
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
        for (std::size_t i = task * rows_per_task; i < std::min(codes.count, (task + 1) * rows_per_task); ++i) {
            std::fill(result.begin(), result.end(), 0);
            for (std::size_t byte = 0; byte < bytes; ++byte) {
                const std::size_t value = codes.data[byte / 8 * codes.stride + i] >> (byte % 8 * 8) & 0xff;
                for (std::size_t w = 0; w < words; ++w) result[w] |= table[(byte * 256 + value) * words + w];
            }
            for (std::size_t w = 0; w < words; ++w) out[w * codes.count + i] = result[w];
        }
    });
}

std::vector<std::uint32_t> sorted_rows(const Columns& codes, std::size_t bits, const std::int64_t* ids, std::size_t threads) {
    struct Row {
        std::uint64_t first_word;
        std::uint32_t number;
    };
    const std::size_t n = codes.count, high_bits = std::min<std::size_t>(bits, 12), shift = bits - high_bits;
    const std::size_t values = std::size_t(1) << high_bits, chunks = std::max<std::size_t>(threads, 1) * 4;
    auto value_of = [&](std::size_t i) { return codes.data[i] >> shift; };
    Partition partition = count_values(n, values, chunks, threads, value_of);
    std::vector<Row> rows(n);
    parallel_for(chunks, threads, [&](std::size_t c) {
        std::uint32_t* next = partition.next.data() + c * values;
        for (std::size_t i = n * c / chunks; i < n * (c + 1) / chunks; ++i) rows[next[value_of(i)]++] = {codes.data[i], std::uint32_t(i)};
    });
    auto before = [&](const Row& a, const Row& b) {
        if (a.first_word != b.first_word) return a.first_word < b.first_word;
        for (std::size_t w = 1; w < codes.words; ++w) {
            const std::uint64_t x = codes.data[w * codes.stride + a.number], y = codes.data[w * codes.stride + b.number];
            if (x != y) return x < y;
        }
        return ids[a.number] < ids[b.number];
    };
    parallel_for(values, threads, [&](std::size_t v) { std::sort(rows.begin() + partition.starts[v], rows.begin() + partition.starts[v + 1], before); });
    std::vector<std::uint32_t> order(n);
    parallel_for(tasks_for(n), threads, [&](std::size_t task) {
        for (std::size_t i = task * rows_per_task; i < std::min(n, (task + 1) * rows_per_task); ++i) order[i] = rows[i].number;
    });
    return order;
}

std::vector<std::uint32_t> group_starts(const Columns& codes, const std::uint32_t* order, std::size_t threads) {
    std::vector<std::vector<std::uint32_t>> parts(tasks_for(codes.count));
    parallel_for(parts.size(), threads, [&](std::size_t task) {
        for (std::size_t r = task * rows_per_task; r < std::min(codes.count, (task + 1) * rows_per_task); ++r) {
            bool differs = r == 0;
            for (std::size_t w = 0; w < codes.words && !differs; ++w)
                differs = codes.data[w * codes.stride + order[r]] != codes.data[w * codes.stride + order[r - 1]];
            if (differs) parts[task].push_back(std::uint32_t(r));
        }
    });
    std::vector<std::uint32_t> starts;
    for (const auto& part : parts) starts.insert(starts.end(), part.begin(), part.end());
    return starts;
}

void fill_table(const std::uint64_t* keys, const std::uint64_t* filter, std::size_t n, std::size_t shift, std::size_t bits,
                std::uint32_t* offsets, std::uint32_t* positions, std::uint64_t* words, std::size_t threads) {
    // Two steps of a counting sort: first by the high bits of the bucket, then each part, now small enough for the cache,
    // by the low bits.
    struct Entry {
        std::uint64_t word;
        std::uint32_t bucket, position;
    };
    const std::size_t low_bits = bits > 12 ? bits - std::min<std::size_t>(bits - 12, 10) : bits, high_bits = bits - low_bits;
    const std::size_t values = std::size_t(1) << high_bits, chunks = std::max<std::size_t>(threads, 1) * 4;
    const std::uint64_t mask = low_mask(bits);
    auto bucket_of = [&](std::size_t i) { return keys[i] >> shift & mask; };
    Partition partition = count_values(n, values, chunks, threads, [&](std::size_t i) { return bucket_of(i) >> low_bits; });
    std::vector<Entry> entries(n);
    parallel_for(chunks, threads, [&](std::size_t c) {
        std::uint32_t* next = partition.next.data() + c * values;
        for (std::size_t i = n * c / chunks; i < n * (c + 1) / chunks; ++i) {
            const std::uint64_t bucket = bucket_of(i);
            entries[next[bucket >> low_bits]++] = {filter[i], std::uint32_t(bucket), std::uint32_t(i)};
        }
    });
    offsets[std::size_t(1) << bits] = std::uint32_t(n);
    parallel_for(values, threads, [&](std::size_t v) {
        const std::size_t begin = partition.starts[v], end = partition.starts[v + 1], buckets = std::size_t(1) << low_bits;
        std::vector<std::uint32_t> next(buckets + 1, 0);
        for (std::size_t i = begin; i < end; ++i) ++next[(entries[i].bucket & (buckets - 1)) + 1];
        next[0] = std::uint32_t(begin);
        for (std::size_t b = 0; b < buckets; ++b) next[b + 1] += next[b];
        std::memcpy(offsets + (v << low_bits), next.data(), buckets * sizeof(*offsets));
        for (std::size_t i = begin; i < end; ++i) {
            const std::uint32_t to = next[entries[i].bucket & (buckets - 1)]++;
            positions[to] = entries[i].position;
            words[to] = entries[i].word;
        }
    });
}

void fill_offsets(const std::uint64_t* keys, std::size_t n, std::size_t shift, std::size_t bits, std::uint32_t* offsets) {
    const std::uint64_t mask = low_mask(bits);
    std::size_t bucket = 0;
    for (std::size_t i = 0; i < n; ++i)
        for (const std::size_t of_code = keys[i] >> shift & mask; bucket <= of_code; ++bucket) offsets[bucket] = std::uint32_t(i);
    for (; bucket <= std::size_t(1) << bits; ++bucket) offsets[bucket] = std::uint32_t(n);
}

}  // namespace hashcore
