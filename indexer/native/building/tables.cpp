// The arrays of hash tables, filled by a counting sort.
#include "indexer/native/building/tables.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "indexer/native/building/partition.hpp"

namespace hashcore {

void fill_table(const std::uint64_t* keys, const std::uint64_t* filter, std::size_t n, std::size_t shift,
                std::size_t bits, std::uint32_t* offsets, std::uint32_t* positions, std::uint64_t* words,
                std::size_t threads) {
    // A counting sort in two steps: by the high bits of the bucket, then each part, small enough for the cache, by the
    // low bits.
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
