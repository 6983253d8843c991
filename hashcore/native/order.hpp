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

// Few neighbours are compared, many are sorted by radix: distance and id, less the smallest, make one number of few digits.
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
