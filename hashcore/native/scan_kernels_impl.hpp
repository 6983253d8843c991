// The linear scan's inner loops, written once over the vector type `Simd` that the including file has chosen.
#pragma once

#include <cstring>

#include "hashcore/native/scan_kernels.hpp"

namespace {

using Vector = Simd::Vector;
constexpr std::size_t lanes = Simd::lanes;

// Distances of `lanes` items starting at `item`; stops reading columns once no lane can be within `limit`.
Vector full_distance(Vector distance, const std::uint64_t* columns, std::size_t stride, std::size_t words,
                     std::size_t item, const std::uint64_t* query, Vector limit) {
    for (std::size_t w = 1; w < words && Simd::at_most(distance, limit); ++w)
        distance = Simd::add(distance, Simd::distance(Simd::load(columns + w * stride + item), Simd::broadcast(query[w])));
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
        const Vector nearest = Simd::minimum(Simd::minimum(distance[0], distance[1]), Simd::minimum(distance[2], distance[3]));
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

// Bit i is set where item `item + i` shares a mask bit with the query.
unsigned relevant_lanes(const std::uint64_t* masks, std::size_t stride, std::size_t words, std::size_t item,
                        const std::uint64_t* query_mask) {
    unsigned lanes_set = 0;
    for (std::size_t w = 0; w < words; ++w)
        lanes_set |= Simd::overlap(Simd::load(masks + w * stride + item), Simd::broadcast(query_mask[w]));
    return lanes_set;
}

void histogram(const std::uint64_t* columns, std::size_t stride, std::size_t words, std::size_t count,
               const std::uint64_t* query, const std::uint64_t* masks, std::size_t mask_stride, std::size_t mask_words,
               const std::uint64_t* query_mask, std::size_t bins, std::uint32_t* scratch, std::int64_t* all,
               std::int64_t* relevant) {
    // Four histograms side by side, so that equal distances in a row do not wait for one counter. Relevant pairs are
    // counted `bins` further on.
    constexpr std::size_t copies = 4;
    const std::size_t row = 2 * bins;
    std::memset(scratch, 0, copies * row * sizeof(*scratch));
    const Vector first_word = Simd::broadcast(query[0]), offset = Simd::broadcast(bins);
    std::size_t item = 0;
    std::uint16_t slot[lanes];
    for (; item + lanes <= count; item += lanes) {
        Vector distance = Simd::distance(Simd::load(columns + item), first_word);
        for (std::size_t w = 1; w < words; ++w)
            distance = Simd::add(distance, Simd::distance(Simd::load(columns + w * stride + item), Simd::broadcast(query[w])));
        if (mask_words)
            distance = Simd::add_where(distance, relevant_lanes(masks, mask_stride, mask_words, item, query_mask), offset);
        Simd::store_distances(slot, distance);
        for (std::size_t i = 0; i < lanes; ++i) ++scratch[(i % copies) * row + slot[i]];
    }
    for (; item < count; ++item) {
        std::uint64_t distance = 0, shared = 0;
        for (std::size_t w = 0; w < words; ++w) distance += Simd::count_bits(columns[w * stride + item] ^ query[w]);
        for (std::size_t w = 0; w < mask_words; ++w) shared |= masks[w * mask_stride + item] & query_mask[w];
        ++scratch[distance + (shared ? bins : 0)];
    }
    for (std::size_t bin = 0; bin < bins; ++bin) {
        std::int64_t other = 0, hit = 0;
        for (std::size_t c = 0; c < copies; ++c) {
            other += scratch[c * row + bin];
            hit += scratch[c * row + bins + bin];
        }
        all[bin] += other + hit;
        if (mask_words) relevant[bin] += hit;
    }
}

}  // namespace
