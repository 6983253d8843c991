// The results of a search: hits on distinct codes, then lists of neighbors ordered by (distance, id).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "hashcore/native/common/buffer.hpp"
#include "hashcore/native/common/order.hpp"
#include "hashcore/native/common/parallel.hpp"

namespace hashcore {

// A distinct code near a query.
struct Hit {
    std::uint32_t position;
    std::uint32_t query;
    std::uint16_t distance;
};
using Hits = std::vector<Hit, LargePages<Hit>>;

struct HitLists {
    std::vector<std::int64_t> offsets;  // hits of query i are offsets[i]:offsets[i + 1]
    Buffer<std::int64_t> ids;
    Buffer<std::uint16_t> distances;

    // Allocates ids and distances, once the offsets are known.
    void allocate() {
        ids = Buffer<std::int64_t>(std::size_t(offsets.back()));
        distances = Buffer<std::uint16_t>(std::size_t(offsets.back()));
    }
};

// Thrown when an answer would hold more rows than it may.
struct TooManyRows {};

// A view of such lists: the answers of one set of items.
struct HitListsView {
    const std::int64_t* offsets;
    const std::int64_t* ids;
    const std::uint16_t* distances;
};

// Merges the answers of disjoint sets of items, and keeps the `most` nearest of each query.
inline HitLists merge(const std::vector<HitListsView>& parts, std::size_t queries, std::size_t most,
                      std::size_t threads) {
    HitLists lists;
    lists.offsets.assign(queries + 1, 0);
    in_pieces(0, queries, parts.size(), [&](std::size_t begin, std::size_t end) {
        for (std::size_t q = begin; q < end; ++q) {
            std::size_t count = 0;
            for (const HitListsView& part : parts) count += std::size_t(part.offsets[q + 1] - part.offsets[q]);
            lists.offsets[q + 1] = lists.offsets[q] + std::int64_t(std::min(count, most));
        }
    });
    lists.allocate();
    constexpr std::size_t block = 256;
    parallel_for((queries + block - 1) / block, lists.ids.size() > 10'000 ? threads : 1, [&](std::size_t task) {
        std::vector<Neighbor> found;
        Pulse& pulse = Pulse::of_this_thread();
        for (std::size_t q = task * block; q < std::min(queries, (task + 1) * block); ++q) {
            found.clear();
            for (const HitListsView& part : parts) {
                const std::size_t middle = found.size();
                pulse.beat(4 * (middle + std::size_t(part.offsets[q + 1] - part.offsets[q])));
                for (std::int64_t i = part.offsets[q]; i < part.offsets[q + 1]; ++i)
                    found.push_back({part.ids[i], part.distances[i]});
                if (middle > 0 && middle < found.size())
                    std::inplace_merge(found.begin(), found.begin() + std::ptrdiff_t(middle), found.end());
                if (found.size() > most) found.resize(most);
            }
            std::size_t out = std::size_t(lists.offsets[q]);
            for (const Neighbor& neighbor : found) {
                lists.ids[out] = neighbor.id;
                lists.distances[out++] = neighbor.distance;
            }
        }
    });
    return lists;
}

}  // namespace hashcore
