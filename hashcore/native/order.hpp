// Puts the neighbours of one query in order of (distance, id).
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace hashcore {

struct Neighbor {
    std::int64_t id;
    std::uint16_t distance;

    bool operator<(const Neighbor& other) const {
        return distance != other.distance ? distance < other.distance : id < other.id;
    }
};

// Few neighbours are compared. Many are sorted by radix: distance and id, less the smallest, make one number of few digits; or,
// where ids are no wider apart than many, put down as bits, a bit an id and distance, and read in order.
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
        if (by_place(begin, end, lowest, highest, farthest)) return;
        const int id_bits = int(std::bit_width(highest - lowest)), bits = id_bits + int(std::bit_width(farthest));
        if (bits > 63) return std::sort(begin, end);
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

    static std::uint64_t key(std::int64_t id) { return std::uint64_t(id) ^ sign; }  // in the same order, without sign

    // Whether the neighbours could be put in order by their places; they are left alone where there is too much room between
    // them, or two have the same id and distance.
    bool by_place(Neighbor* begin, Neighbor* end, std::uint64_t lowest, std::uint64_t highest, std::uint16_t farthest) {
        const std::size_t most_words = 4 * std::size_t(end - begin), words = std::size_t((highest - lowest) / 64 + 1);
        if ((highest - lowest) / 64 >= most_words || words * (farthest + std::size_t(1)) > most_words) return false;
        numbers_.assign(words * (farthest + std::size_t(1)), 0);
        for (const Neighbor* n = begin; n < end; ++n) {
            const std::uint64_t place = key(n->id) - lowest, bit = std::uint64_t(1) << place % 64;
            std::uint64_t& word = numbers_[n->distance * words + place / 64];
            if (word & bit) return false;
            word |= bit;
        }
        for (std::size_t i = 0; i < numbers_.size(); ++i)
            for (std::uint64_t bits = numbers_[i]; bits; bits &= bits - 1) {
                const std::uint64_t place = i % words * 64 + std::uint64_t(__builtin_ctzll(bits));
                *begin++ = {std::int64_t((place + lowest) ^ sign), std::uint16_t(i / words)};
            }
        return true;
    }

    void sort_by_radix(int bits) {
        other_.resize(numbers_.size());
        for (int shift = 0; shift < bits; shift += digit_bits) {
            std::array<std::uint32_t, (1 << digit_bits) + 1> start{};
            const auto digit = [shift](std::uint64_t number) { return std::size_t(number >> shift) & ((1 << digit_bits) - 1); };
            for (const std::uint64_t number : numbers_) ++start[digit(number) + 1];
            for (std::size_t d = 1; d < start.size(); ++d) start[d] += start[d - 1];
            for (const std::uint64_t number : numbers_) other_[start[digit(number)]++] = number;
            numbers_.swap(other_);
        }
    }

    std::vector<std::uint64_t> numbers_, other_;
};

}  // namespace hashcore
