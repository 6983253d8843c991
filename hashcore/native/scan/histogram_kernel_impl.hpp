// Histograms of distances, written once over the vector type `Simd` that the including file has chosen.
#pragma once

#include <cstring>

#include "hashcore/native/scan/scan_kernels.hpp"

namespace {

// The pairs of one query with many items. The slot of a pair is its distance, plus `bins` where it is relevant.
struct Slots {
    const std::uint64_t *columns, *query, *masks, *query_mask;
    std::size_t stride, words, mask_stride, mask_words, bins;

    Simd::Vector of_lanes(std::size_t item) const {
        Simd::Vector slot = Simd::distance(Simd::load(columns + item), Simd::broadcast(query[0]));
        for (std::size_t w = 1; w < words; ++w)
            slot = Simd::add(slot, Simd::distance(Simd::load(columns + w * stride + item), Simd::broadcast(query[w])));
        unsigned relevant = 0;
        for (std::size_t w = 0; w < mask_words; ++w)
            relevant |= Simd::overlap(Simd::load(masks + w * mask_stride + item), Simd::broadcast(query_mask[w]));
        return mask_words ? Simd::add_where(slot, relevant, Simd::broadcast(bins)) : slot;
    }
    std::size_t of_item(std::size_t item) const {
        std::uint64_t distance = 0, shared = 0;
        for (std::size_t w = 0; w < words; ++w) distance += Simd::count_bits(columns[w * stride + item] ^ query[w]);
        for (std::size_t w = 0; w < mask_words; ++w) shared |= masks[w * mask_stride + item] & query_mask[w];
        return distance + (shared ? bins : 0);
    }
};

// Counts items two by two: a counter for each pair of slots saves every other increment. Returns the number of items
// counted; the rest are fewer than two vectors.
std::size_t count_by_two(const Slots& slots, std::size_t used, std::size_t count, std::uint16_t* counters,
                         std::uint32_t* totals) {
    constexpr std::size_t lanes = Simd::lanes, row = 256;  // counters[second * row + first]
    std::memset(counters, 0, used * row * sizeof(*counters));
    std::size_t item = 0;
    std::uint16_t pair[lanes];
    for (; item + 2 * lanes <= count; item += 2 * lanes) {
        Simd::store_distances(pair, Simd::add(slots.of_lanes(item), Simd::times_256(slots.of_lanes(item + lanes))));
        for (std::size_t i = 0; i < lanes; ++i) ++counters[pair[i]];
    }
    for (std::size_t second = 0; second < used; ++second) {
        std::uint32_t sum = 0;
        for (std::size_t first = 0; first < used; ++first) {
            const std::uint32_t both = counters[second * row + first];
            totals[first] += both;
            sum += both;
        }
        totals[second] += sum;
    }
    return item;
}

// Counts item by item, into four histograms, so that equal distances in a row do not wait for one counter.
std::size_t count_by_one(const Slots& slots, std::size_t used, std::size_t count, std::uint16_t* counters,
                         std::uint32_t* totals) {
    constexpr std::size_t lanes = Simd::lanes, copies = 4;
    std::memset(counters, 0, copies * used * sizeof(*counters));
    std::size_t item = 0;
    std::uint16_t slot[lanes];
    for (; item + lanes <= count; item += lanes) {
        Simd::store_distances(slot, slots.of_lanes(item));
        for (std::size_t i = 0; i < lanes; ++i) ++counters[(i % copies) * used + slot[i]];
    }
    for (std::size_t c = 0; c < copies; ++c)
        for (std::size_t i = 0; i < used; ++i) totals[i] += counters[c * used + i];
    return item;
}

void histogram(const std::uint64_t* columns, std::size_t stride, std::size_t words, std::size_t count,
               const std::uint64_t* query, const std::uint64_t* masks, std::size_t mask_stride, std::size_t mask_words,
               const std::uint64_t* query_mask, std::size_t bins, hashcore::HistogramScratch& scratch,
               std::int64_t* all, std::int64_t* relevant) {
    constexpr std::size_t worth_it = 4096;  // items; for fewer, adding up the counters of pairs costs more
    const Slots slots{columns, query, masks, query_mask, stride, words, mask_stride, mask_words, bins};
    const std::size_t used = mask_words ? 2 * bins : bins;
    std::uint32_t* totals = scratch.totals;
    std::memset(totals, 0, 2 * bins * sizeof(*totals));
    const auto by = used <= 256 && count >= worth_it ? count_by_two : count_by_one;
    for (std::size_t item = by(slots, used, count, scratch.counters, totals); item < count; ++item)
        ++totals[slots.of_item(item)];
    for (std::size_t bin = 0; bin < bins; ++bin) {
        all[bin] += totals[bin] + totals[bins + bin];
        if (mask_words) relevant[bin] += totals[bins + bin];
    }
}

}  // namespace
