// The bits of codes in another order: byte by byte from a table, or bit by bit where codes are few.
#include "indexer/native/building/permutation.hpp"

#include <algorithm>
#include <vector>

#include "indexer/native/building/partition.hpp"

namespace hashcore {

namespace {

// The same as permute_bits, bit by bit: a table would cost more than so few codes.
void permute_set_bits(const Strided<const std::uint64_t>& codes, std::span<const std::uint16_t> order,
                      const Strided<std::uint64_t>& out) {
    std::vector<std::uint16_t> place(64 * codes.words);  // of each bit in the result
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

}  // namespace hashcore
