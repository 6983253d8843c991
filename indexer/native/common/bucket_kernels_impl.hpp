// Bucket look-ups, written once over the vector type `Simd` that the including file has chosen.
#pragma once

#include <algorithm>

#include "indexer/native/common/bucket_kernels.hpp"

namespace {

using hashcore::Buckets;
using hashcore::Candidates;
using hashcore::Probe;
using hashcore::Reported;
using hashcore::Wanted;

// Adds an entry, unless an earlier table has reported it.
inline void keep_new(const Buckets& buckets, std::uint32_t entry, std::uint32_t distance, const Probe& probe,
                     const Wanted& wanted, Candidates& out) {
    const std::uint64_t difference = buckets.words[entry] ^ probe.filter_word;
    for (const Reported* by = wanted.reported; by < wanted.reported + wanted.tables; ++by)
        if (Simd::count_bits(difference & by->mask) <= by->differing) return;
    out.push({probe.query, entry, distance});
}

// Adds the entries of begin:end that are near enough, one by one: for shards smaller than a vector.
void keep_near(const Buckets& buckets, std::uint32_t begin, std::uint32_t end, const Probe& probe, const Wanted& wanted,
               Candidates& out) {
    end = buckets.end_within(end);
    if (begin < end) out.reserve(end - begin);
    for (std::uint32_t entry = begin; entry < end; ++entry) {
        const std::uint64_t distance = Simd::count_bits(buckets.words[entry] ^ probe.filter_word);
        if (distance <= probe.radius) keep_new(buckets, entry, std::uint32_t(distance), probe, wanted, out);
    }
}

// Adds the entries of begin:end, at most one vector, that are near enough. The vector starts at `first` <= begin.
void keep_near_lanes(const Buckets& buckets, std::uint32_t first, std::uint32_t begin, std::uint32_t end,
                     const Probe& probe, const Wanted& wanted, Candidates& out) {
    const Simd::Vector distance = Simd::distance(Simd::load(buckets.words + first), Simd::broadcast(probe.filter_word));
    const unsigned inside = ((1u << (end - begin)) - 1) << (begin - first);
    unsigned near = Simd::at_most(distance, Simd::broadcast(probe.radius)) & inside;
    if (!near) return;
    std::uint16_t lane_distance[Simd::lanes];
    Simd::store_distances(lane_distance, distance);
    out.reserve(Simd::lanes);
    for (; near; near &= near - 1) {
        const unsigned lane = unsigned(__builtin_ctz(near));
        keep_new(buckets, first + lane, lane_distance[lane], probe, wanted, out);
    }
}

// Returns the start of the last vector of the entries begin:end. Fewer entries than a vector are read with their
// neighbors, but never from another cache line: a line too many costs as much as the whole bucket.
inline std::uint32_t last_vector(const Buckets& buckets, std::uint32_t begin, std::uint32_t end) {
    constexpr std::uint32_t lanes = Simd::lanes;
    const std::uint32_t misplaced = std::uint32_t(reinterpret_cast<std::uintptr_t>(buckets.words + begin) / 8 % lanes);
    const std::uint32_t back = misplaced + end - begin <= lanes ? std::min(misplaced, begin) : 0;
    return std::min(end - begin >= lanes ? end - lanes : begin - back, buckets.entries - lanes);
}

// Compares the entries begin:end with one query, `vectors` vectors in a row without a branch. With the right number
// nearly every bucket takes one step, so the processor predicts the loop. The last vector may hold entries of the
// bucket before or after, which costs a second look at most. Every vector is loaded from within the entries, whatever
// begin and end are, so these are checked only where an entry is near or the loop goes on.
template <std::size_t vectors>
[[gnu::always_inline]] inline void compare(const Buckets& buckets, std::uint32_t begin, std::uint32_t end,
                                           const Probe& probe, const Wanted& wanted, Candidates& out) {
    constexpr std::uint32_t lanes = Simd::lanes, step = vectors * lanes;
    if constexpr (vectors == 0) return keep_near(buckets, begin, end, probe, wanted, out);
    const Simd::Vector query = Simd::broadcast(probe.filter_word), limit = Simd::broadcast(probe.radius);
    for (; begin < end; end = buckets.end_within(end), begin += step) {
        const std::uint32_t stop = std::min(end, begin + step), last = last_vector(buckets, begin, stop);
        Simd::Vector nearest = Simd::distance(Simd::load(buckets.words + std::min(begin, last)), query);
        for (std::uint32_t v = 1; v < vectors; ++v)
            nearest = Simd::minimum(
                nearest, Simd::distance(Simd::load(buckets.words + std::min(begin + v * lanes, last)), query));
        if (Simd::at_most(nearest, limit)) [[unlikely]]
            for (std::uint32_t from = begin, within = buckets.end_within(stop); from < within; from += lanes)
                keep_near_lanes(buckets, std::min(from, last), from, std::min(from + lanes, within), probe, wanted,
                                out);
    }
}

template <std::size_t vectors>
std::uint64_t look_up_by(const Buckets& buckets, const Probe* probes, std::size_t count, std::uint32_t base,
                         const std::uint32_t* flips, std::size_t flip_count, const Wanted& wanted, Candidates& out) {
    std::uint64_t compared = 0;
    for (const Probe* probe = probes; probe < probes + count; ++probe)
        for (std::size_t f = 0; f < flip_count; ++f) {
            const std::uint32_t bucket = probe->bucket ^ base ^ flips[f];
            const std::uint32_t begin = buckets.offsets[bucket], end = buckets.offsets[bucket + 1];
            compared += end - begin;
            compare<vectors>(buckets, begin, end, *probe, wanted, out);
        }
    return compared;
}

template <std::size_t vectors>
std::uint64_t look_up_far_by(const Buckets& buckets, const Probe* probes, std::size_t count, const std::uint32_t* flips,
                             std::size_t flip_count, const Wanted& wanted, Candidates& out) {
    // Three stages, `ahead` look-ups apart: fetch the offsets, fetch the entries, compare.
    constexpr std::size_t ahead = 32;
    struct Cursor {
        std::size_t probe = 0, flip = 0;
    } far, near, now;
    const auto step = [count](Cursor& cursor) {
        if (++cursor.probe == count) cursor.probe = 0, ++cursor.flip;
    };
    std::uint64_t compared = 0;
    std::uint32_t begin[ahead], end[ahead];
    const std::size_t total = count * flip_count;
    for (std::size_t i = 0; i < total + 2 * ahead; ++i) {
        const std::size_t slot = i % ahead;
        if (i >= 2 * ahead) {
            compare<vectors>(buckets, begin[slot], end[slot], probes[now.probe], wanted, out);
            step(now);
        }
        if (i >= ahead && i < total + ahead) {
            const std::uint32_t bucket = probes[near.probe].bucket ^ flips[near.flip];
            begin[slot] = buckets.offsets[bucket];
            end[slot] = buckets.offsets[bucket + 1];
            compared += end[slot] - begin[slot];
            for (std::uint32_t entry = begin[slot]; entry < std::min<std::uint32_t>(end[slot], begin[slot] + 64);
                 entry += 8)
                __builtin_prefetch(buckets.words + entry);
            if (end[slot] > begin[slot]) __builtin_prefetch(buckets.words + end[slot] - 1);
            step(near);
        }
        if (i < total) {
            __builtin_prefetch(buckets.offsets + (probes[far.probe].bucket ^ flips[far.flip]));
            step(far);
        }
    }
    return compared;
}

// Calls f<v> with the fewest vectors v that hold a usual bucket; v = 0 if there are fewer entries than a vector.
#define WITH_VECTORS(f, buckets, ...)                                                   \
    const std::size_t needed = (buckets.usual_entries + Simd::lanes - 1) / Simd::lanes; \
    if (buckets.entries < Simd::lanes) return f<0>(buckets, __VA_ARGS__);               \
    if (needed <= 1) return f<1>(buckets, __VA_ARGS__);                                 \
    if (needed <= 2) return f<2>(buckets, __VA_ARGS__);                                 \
    if (needed <= 4) return f<4>(buckets, __VA_ARGS__);                                 \
    if (needed <= 6) return f<6>(buckets, __VA_ARGS__);                                 \
    return f<8>(buckets, __VA_ARGS__);

std::uint64_t look_up(const Buckets& buckets, const Probe* probes, std::size_t count, std::uint32_t base,
                      const std::uint32_t* flips, std::size_t flip_count, const Wanted& wanted, Candidates& out) {
    WITH_VECTORS(look_up_by, buckets, probes, count, base, flips, flip_count, wanted, out)
}

std::uint64_t look_up_far(const Buckets& buckets, const Probe* probes, std::size_t count, const std::uint32_t* flips,
                          std::size_t flip_count, const Wanted& wanted, Candidates& out) {
    WITH_VECTORS(look_up_far_by, buckets, probes, count, flips, flip_count, wanted, out)
}

#undef WITH_VECTORS

}  // namespace
