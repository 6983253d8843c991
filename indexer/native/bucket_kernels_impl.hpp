// Bucket look-ups, written once over the vector type `Simd` that the including file has chosen.
#pragma once

#include <algorithm>

#include "indexer/native/bucket_kernels.hpp"

namespace {

using hashcore::Buckets;
using hashcore::Candidates;
using hashcore::Probe;

// Compares the entries begin:end with one query, `lanes` at a time.
inline void compare(const std::uint64_t* words, std::uint32_t begin, std::uint32_t end, const Probe& probe,
                    Simd::Vector wanted, Simd::Vector limit, Candidates& out) {
    for (std::uint32_t entry = begin; entry < end; entry += Simd::lanes) {
        const std::size_t left = end - entry;
        const bool whole = left >= Simd::lanes;
        const Simd::Vector found = whole ? Simd::load(words + entry) : Simd::load_first(words + entry, left);
        const Simd::Vector distance = Simd::distance(found, wanted);
        unsigned near = Simd::at_most(distance, limit);
        if (!whole) near &= (1u << left) - 1;
        if (!near) [[likely]]
            continue;
        std::uint16_t lane_distance[Simd::lanes];
        Simd::store_distances(lane_distance, distance);
        out.reserve(Simd::lanes);
        for (; near; near &= near - 1) {
            const unsigned lane = unsigned(__builtin_ctz(near));
            out.push({probe.query, entry + lane, lane_distance[lane]});
        }
    }
}

std::uint64_t look_up(const Buckets& buckets, const Probe* probes, std::size_t count, std::uint32_t base,
                      const std::uint32_t* flips, std::size_t flip_count, Candidates& out) {
    std::uint64_t compared = 0;
    for (const Probe* probe = probes; probe < probes + count; ++probe) {
        const Simd::Vector wanted = Simd::broadcast(probe->filter_word), limit = Simd::broadcast(probe->radius);
        for (std::size_t f = 0; f < flip_count; ++f) {
            const std::uint32_t bucket = probe->bucket ^ base ^ flips[f];
            const std::uint32_t begin = buckets.offsets[bucket], end = buckets.offsets[bucket + 1];
            compared += end - begin;
            compare(buckets.words, begin, end, *probe, wanted, limit, out);
        }
    }
    return compared;
}

std::uint64_t look_up_far(const Buckets& buckets, const Probe* probes, std::size_t count, const std::uint32_t* flips,
                          std::size_t flip_count, Candidates& out) {
    // Three stages, `ahead` look-ups apart: fetch the offset, fetch the entries, compare.
    constexpr std::size_t ahead = 16;
    std::uint64_t compared = 0;
    std::uint32_t begin[ahead], end[ahead];
    const std::size_t total = count * flip_count;
    std::size_t far_probe = 0, far_flip = 0, near_probe = 0, near_flip = 0, probe = 0;
    auto step = [count](std::size_t& p, std::size_t& f) {
        if (++p == count) p = 0, ++f;
    };
    for (std::size_t i = 0; i < total + 2 * ahead; ++i) {
        if (i >= 2 * ahead) {
            const Probe& now = probes[probe];
            const std::size_t slot = i % ahead;
            compare(buckets.words, begin[slot], end[slot], now, Simd::broadcast(now.filter_word), Simd::broadcast(now.radius), out);
            if (++probe == count) probe = 0;
        }
        if (i >= ahead && i < total + ahead) {
            const std::uint32_t bucket = probes[near_probe].bucket ^ flips[near_flip];
            const std::size_t slot = i % ahead;
            begin[slot] = buckets.offsets[bucket];
            end[slot] = buckets.offsets[bucket + 1];
            compared += end[slot] - begin[slot];
            for (std::uint32_t entry = begin[slot]; entry < std::min(end[slot], begin[slot] + 32); entry += 8)
                __builtin_prefetch(buckets.words + entry);
            if (end[slot] > begin[slot]) __builtin_prefetch(buckets.words + end[slot] - 1);
            step(near_probe, near_flip);
        }
        if (i < total) {
            __builtin_prefetch(buckets.offsets + (probes[far_probe].bucket ^ flips[far_flip]));
            step(far_probe, far_flip);
        }
    }
    return compared;
}

}  // namespace
