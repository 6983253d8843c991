// The linear scan's inner loops, written once over the vector type `Simd` that the including file has chosen.
#pragma once

#include "hashcore/native/scan/scan_kernels.hpp"

namespace {

using Vector = Simd::Vector;
constexpr std::size_t lanes = Simd::lanes;

// Returns the distances of `lanes` items from `item` on; reads no more columns once no lane can be within `limit`.
Vector full_distance(Vector distance, const std::uint64_t* columns, std::size_t stride, std::size_t words,
                     std::size_t item, const std::uint64_t* query, Vector limit) {
    for (std::size_t w = 1; w < words && Simd::at_most(distance, limit); ++w)
        distance =
            Simd::add(distance, Simd::distance(Simd::load(columns + w * stride + item), Simd::broadcast(query[w])));
    return distance;
}

std::size_t filter(const std::uint64_t* columns, std::size_t stride, std::size_t words, std::size_t count,
                   const std::uint64_t* query, unsigned radius, std::uint32_t* items, std::uint16_t* distances) {
    constexpr std::size_t group = 4;  // vectors tested by one branch
    const Vector first_word = Simd::broadcast(query[0]), limit = Simd::broadcast(radius);
    std::size_t found = 0, item = 0;
    std::uint16_t lane_distance[lanes];

    for (; item + group * lanes <= count; item += group * lanes) {
        Vector distance[group];
        for (std::size_t g = 0; g < group; ++g)
            distance[g] = Simd::distance(Simd::load(columns + item + g * lanes), first_word);
        const Vector nearest =
            Simd::minimum(Simd::minimum(distance[0], distance[1]), Simd::minimum(distance[2], distance[3]));
        if (!Simd::at_most(nearest, limit)) [[likely]]
            continue;
        for (std::size_t g = 0; g < group; ++g) {
            const std::size_t start = item + g * lanes;
            const Vector whole = full_distance(distance[g], columns, stride, words, start, query, limit);
            unsigned mask = Simd::at_most(whole, limit);
            if (!mask) continue;
            Simd::store_distances(lane_distance, whole);
            for (; mask; mask &= mask - 1) {
                const unsigned lane = unsigned(__builtin_ctz(mask));
                items[found] = std::uint32_t(start + lane);
                distances[found++] = lane_distance[lane];
            }
        }
    }
    for (; item < count; ++item) {
        std::uint64_t distance = 0;
        for (std::size_t w = 0; w < words; ++w) distance += Simd::count_bits(columns[w * stride + item] ^ query[w]);
        if (distance > radius) continue;
        items[found] = std::uint32_t(item);
        distances[found++] = std::uint16_t(distance);
    }
    return found;
}

}  // namespace
