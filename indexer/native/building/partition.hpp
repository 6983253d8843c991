// The parts that all steps of a build use: tasks, the counts of a counting sort, and memory for random writes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "hashcore/native/common/buffer.hpp"
#include "hashcore/native/common/parallel.hpp"

namespace hashcore {

constexpr std::size_t rows_per_task = 1 << 16;

inline std::size_t tasks_for(std::size_t n) { return (n + rows_per_task - 1) / rows_per_task; }

// The counts of a stable counting sort: where each (chunk, value) writes next, and where each value starts.
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

// Memory for random writes: the system clears its pages now, page by page, with beats in between.
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

// A number whose lowest `bits` bits are set.
inline std::uint64_t low_mask(std::size_t bits) {
    return bits >= 64 ? ~std::uint64_t(0) : (std::uint64_t(1) << bits) - 1;
}

}  // namespace hashcore
