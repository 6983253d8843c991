// The order of one query's neighbors: by distance, then by id.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "hashcore/native/common/pulse.hpp"

namespace hashcore {

struct Neighbor {
    std::int64_t id;
    std::uint16_t distance;

    bool operator<(const Neighbor& other) const {
        return distance != other.distance ? distance < other.distance : id < other.id;
    }
};

// Sorts few neighbors by comparison and many by radix: distance and id, less the smallest id, make one short number.
class NeighborOrder {
  public:
    void operator()(Neighbor* begin, Neighbor* end) {
        if (std::is_sorted(begin, end)) return;
        const std::size_t count = std::size_t(end - begin);
        if (count < by_radix) return std::sort(begin, end);
        std::uint64_t lowest = key(begin->id), highest = lowest;
        std::uint16_t farthest = 0;
        for (const Neighbor* n = begin; n < end; ++n) {
            lowest = std::min(lowest, key(n->id));
            highest = std::max(highest, key(n->id));
            farthest = std::max(farthest, n->distance);
        }
        const int id_bits = int(std::bit_width(highest - lowest)), bits = id_bits + int(std::bit_width(farthest));
        if (bits > 63) return sort_in_time(begin, end, std::less<Neighbor>());
        numbers_.resize(count);
        for (std::size_t i = 0; i < count; ++i)
            numbers_[i] = std::uint64_t(begin[i].distance) << id_bits | (key(begin[i].id) - lowest);
        sort_by_radix(bits);
        const std::uint64_t id_mask = (std::uint64_t(1) << id_bits) - 1;
        for (std::size_t i = 0; i < count; ++i)
            begin[i] = {std::int64_t(((numbers_[i] & id_mask) + lowest) ^ sign), std::uint16_t(numbers_[i] >> id_bits)};
    }

  private:
    static constexpr std::size_t by_radix = 1024;
    static constexpr int digit_bits = 11;
    static constexpr std::uint64_t sign = std::uint64_t(1) << 63;

    static std::uint64_t key(std::int64_t id) { return std::uint64_t(id) ^ sign; }  // unsigned, in the same order

    void sort_by_radix(int bits) {
        other_.resize(numbers_.size());
        for (int shift = 0; shift < bits; shift += digit_bits) {
            std::array<std::uint32_t, (1 << digit_bits) + 1> start{};
            const auto digit = [shift](std::uint64_t number) {
                return std::size_t(number >> shift) & ((1 << digit_bits) - 1);
            };
            in_pieces(0, numbers_.size(), 1, [&](std::size_t from, std::size_t to) {
                for (std::size_t i = from; i < to; ++i) ++start[digit(numbers_[i]) + 1];
            });
            for (std::size_t d = 1; d < start.size(); ++d) start[d] += start[d - 1];
            in_pieces(0, numbers_.size(), 1, [&](std::size_t from, std::size_t to) {
                for (std::size_t i = from; i < to; ++i) other_[start[digit(numbers_[i])]++] = numbers_[i];
            });
            numbers_.swap(other_);
        }
    }

    std::vector<std::uint64_t> numbers_, other_;
};

// A bit map of distances and ids: many neighbors with ids close together are written in any order and read in the right
// one.
class Places {
  public:
    // Returns whether a bit map pays for so many neighbors with ids lowest..highest; clears one if so.
    bool start(std::size_t count, std::int64_t lowest, std::int64_t highest, std::uint16_t nearest,
               std::uint16_t farthest) {
        const std::uint64_t most_words = 4 * count, words = (std::uint64_t(highest) - std::uint64_t(lowest)) / 64 + 1;
        const std::size_t distances = farthest - nearest + std::size_t(1);
        if (words > most_words || words * distances > most_words) return false;
        lowest_ = std::uint64_t(lowest), nearest_ = nearest, words_ = words;
        bits_.assign(words * distances, 0);
        return true;
    }
    // Writes neighbors; copied by value, so that its fields stay in registers.
    struct Put {
        std::uint64_t *bits, lowest, words;
        std::uint16_t nearest;

        // Returns whether the place exists and was free.
        bool operator()(std::int64_t id, std::uint16_t distance) const {
            const std::uint64_t place = std::uint64_t(id) - lowest, bit = std::uint64_t(1) << place % 64;
            const bool is_inside = place / 64 < words;  // a damaged file may have ids that do not rise within a code
            std::uint64_t& word = bits[std::uint64_t(distance - nearest) * words + (is_inside ? place / 64 : 0)];
            const bool is_free = is_inside & ((word & bit) == 0);
            word |= bit;
            return is_free;
        }
    };
    Put put() { return {bits_.data(), lowest_, words_, nearest_}; }

    // Reads the first `count` neighbors.
    void read(std::size_t count, std::int64_t* ids, std::uint16_t* distances) const {
        const std::int64_t* const end = ids + count;
        const std::uint64_t* word = bits_.data();
        for (std::uint16_t distance = nearest_; ids < end; ++distance) {
            std::uint64_t id = lowest_;
            in_pieces(0, words_, 32, [&](std::size_t from, std::size_t to) {
                std::int64_t* to_id = ids;  // local copies stay in registers
                std::uint16_t* to_distance = distances;
                const std::uint64_t *at = word, *const stop = word + (to - from);
                std::uint64_t base = id;
                for (; at < stop; ++at, base += 64)
                    for (std::uint64_t bits = *at; bits && to_id < end; bits &= bits - 1) {
                        *to_id++ = std::int64_t(base + std::uint64_t(__builtin_ctzll(bits)));
                        *to_distance++ = distance;
                    }
                ids = to_id, distances = to_distance, word = stop, id = base;
            });
        }
    }

  private:
    std::uint64_t lowest_ = 0;
    std::uint16_t nearest_ = 0;
    std::size_t words_ = 0;
    std::vector<std::uint64_t> bits_;
};

}  // namespace hashcore
