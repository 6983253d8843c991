// Raw results of a search, and their assembly into neighbours ordered by (distance, id).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "hashcore/native/order.hpp"
#include "hashcore/native/parallel.hpp"

namespace hashcore {

struct Hit {
    std::int64_t id;
    std::uint32_t query;
    std::uint16_t distance;
};

struct HitLists {
    std::vector<std::int64_t> offsets;  // hits of query i are offsets[i]:offsets[i + 1]
    std::vector<std::int64_t> ids;
    std::vector<std::uint16_t> distances;
};

// Answers to the same queries from one set of items, as HitLists describes them.
struct HitListsView {
    const std::int64_t* offsets;
    const std::int64_t* ids;
    const std::uint16_t* distances;
};

// Joins the answers of disjoint sets of items, keeping the `most` nearest of each query.
inline HitLists merge(const std::vector<HitListsView>& parts, std::size_t queries, std::size_t most, std::size_t threads) {
    HitLists lists;
    lists.offsets.assign(queries + 1, 0);
    for (std::size_t q = 0; q < queries; ++q) {
        std::size_t count = 0;
        for (const HitListsView& part : parts) count += std::size_t(part.offsets[q + 1] - part.offsets[q]);
        lists.offsets[q + 1] = lists.offsets[q] + std::int64_t(std::min(count, most));
    }
    lists.ids.resize(std::size_t(lists.offsets[queries]));
    lists.distances.resize(lists.ids.size());
    constexpr std::size_t block = 256;
    parallel_for((queries + block - 1) / block, lists.ids.size() > 10'000 ? threads : 1, [&](std::size_t task) {
        std::vector<Neighbor> found;
        for (std::size_t q = task * block; q < std::min(queries, (task + 1) * block); ++q) {
            found.clear();
            for (const HitListsView& part : parts) {
                const std::size_t middle = found.size();
                for (std::int64_t i = part.offsets[q]; i < part.offsets[q + 1]; ++i) found.push_back({part.ids[i], part.distances[i]});
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

// Groups hits by query and orders each group by (distance, id), keeping at most `most` of each.
inline HitLists assemble(const std::vector<std::vector<Hit>>& parts, std::size_t queries, std::size_t most,
                         std::size_t threads) {
    std::vector<std::int64_t> start(queries + 1, 0);
    for (const auto& part : parts)
        for (const Hit& hit : part) ++start[hit.query + 1];
    for (std::size_t q = 0; q < queries; ++q) start[q + 1] += start[q];

    std::vector<Neighbor> sorted(std::size_t(start[queries]));
    std::vector<std::int64_t> next(start.begin(), start.end() - 1);
    for (const auto& part : parts)
        for (const Hit& hit : part) sorted[std::size_t(next[hit.query]++)] = {hit.id, hit.distance};

    HitLists lists;
    lists.offsets.assign(queries + 1, 0);
    for (std::size_t q = 0; q < queries; ++q)
        lists.offsets[q + 1] = lists.offsets[q] + std::min<std::int64_t>(start[q + 1] - start[q], std::int64_t(most));
    lists.ids.resize(std::size_t(lists.offsets[queries]));
    lists.distances.resize(lists.ids.size());

    const std::size_t block = std::clamp<std::size_t>(queries / (8 * std::max<std::size_t>(threads, 1)), 1, 256);
    parallel_for((queries + block - 1) / block, sorted.size() > 10'000 ? threads : 1, [&](std::size_t task) {
        NeighborOrder order;
        for (std::size_t q = task * block; q < std::min(queries, (task + 1) * block); ++q) {
            Neighbor* begin = sorted.data() + start[q];
            Neighbor* end = sorted.data() + start[q + 1];
            order(begin, end);
            std::size_t out = std::size_t(lists.offsets[q]);
            for (; out < std::size_t(lists.offsets[q + 1]); ++begin, ++out) {
                lists.ids[out] = begin->id;
                lists.distances[out] = begin->distance;
            }
        }
    });
    return lists;
}

}  // namespace hashcore
