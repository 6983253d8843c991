// The assembly of hits into neighbors ordered by (distance, id).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "hashcore/native/scan/hits.hpp"
#include "hashcore/native/common/order.hpp"
#include "hashcore/native/common/parallel.hpp"
#include "hashcore/native/common/rows.hpp"

namespace hashcore {

// Expands hits on distinct codes into rows, each query's in order of (distance, id).
class Assembly {
  public:
    // Keeps at most `most` rows of each query; throws TooManyRows if all queries together have more than `max_rows`.
    Assembly(const std::vector<Hits>& parts, const Rows& rows, std::size_t queries, std::size_t most,
             std::size_t max_rows)
        : rows_(rows), most_(most), start_(queries + 1, 0) {
        group_by_query(parts);
        lists_.offsets.assign(queries + 1, 0);
        std::size_t total = 0;
        Pulse& pulse = Pulse::of_this_thread();
        for (std::size_t q = 0; q < queries; ++q) {
            pulse.beat(start_[q + 1] - start_[q] + 1);
            const std::size_t count = bounded_rows_of(q);
            total += count;
            lists_.offsets[q + 1] = lists_.offsets[q] + std::int64_t(std::min(count, most));
        }
        if (total > max_rows) throw TooManyRows{};
        lists_.allocate();
    }

    HitLists run(std::size_t threads) {
        const std::size_t queries = start_.size() - 1;
        const std::size_t block = std::clamp<std::size_t>(queries / (8 * std::max<std::size_t>(threads, 1)), 1, 4096);
        parallel_for((queries + block - 1) / block, lists_.ids.size() > 10'000 ? threads : 1, [&](std::size_t task) {
            std::vector<Neighbor> neighbors;
            NeighborOrder order;
            Places places;
            Pulse& pulse = Pulse::of_this_thread();
            const std::size_t stop = std::min(queries, (task + 1) * block);
            for (std::size_t begin = task * block, end; begin < stop; begin = end) {
                std::size_t count = rows_of(begin);
                end = begin + 1;
                if (count >= many && (write_one_code(begin) || write_by_place(begin, count, places))) continue;
                for (std::size_t more; end < stop && count + (more = rows_of(end)) < many; ++end)
                    count += more;  // few enough for the cache
                pulse.beat(8 * count);
                neighbors.resize(count);
                expand(start_[begin], start_[end], neighbors.data());
                write(begin, end, neighbors.data(), order);
            }
        });
        return std::move(lists_);
    }

  private:
    static constexpr std::size_t ahead = 32;   // memory accesses kept in flight
    static constexpr std::size_t many = 4096;  // rows; small queries are expanded together up to so many

    // The rows of one distinct code near a query.
    struct Found {
        std::uint32_t row, count;
        std::uint16_t distance;
    };

    void group_by_query(const std::vector<Hits>& parts) {
        for (const auto& part : parts)
            in_pieces(0, part.size(), 1, [&](std::size_t from, std::size_t to) {
                for (std::size_t i = from; i < to; ++i) ++start_[part[i].query + 1];
            });
        for (std::size_t q = 1; q < start_.size(); ++q) start_[q] += start_[q - 1];
        found_ = Buffer<Found>(start_.back());
        std::vector<std::size_t> next(start_.begin(), start_.end() - 1);
        for (const auto& part : parts)
            in_pieces(0, part.size(), 4, [&](std::size_t from, std::size_t to) {
                for (std::size_t i = from; i < to; ++i) {
                    if (i + ahead < part.size()) rows_.prefetch_rows(part[i + ahead].position);
                    const Hit& hit = part[i];
                    const std::size_t row = std::min<std::size_t>(rows_.begin(hit.position), rows_.total);
                    const std::size_t count =
                        std::min({std::size_t(rows_.count(hit.position)), most_, rows_.total - row});
                    found_[next[hit.query]++] = {std::uint32_t(row), std::uint32_t(count), hit.distance};
                }
            });
    }

    // Returns a query's rows, at most as many as there are: codes of a damaged file may share rows.
    std::size_t bounded_rows_of(std::size_t q) {
        if (!rows_.row_offsets) return rows_of(q);
        std::size_t count = 0;
        for (std::size_t i = start_[q]; i < start_[q + 1]; ++i) {
            found_[i].count = std::uint32_t(std::min<std::size_t>(found_[i].count, rows_.total - count));
            count += found_[i].count;
        }
        return count;
    }

    std::size_t rows_of(std::size_t q) const {
        if (!rows_.row_offsets) return start_[q + 1] - start_[q];
        std::size_t count = 0;
        for (std::size_t i = start_[q]; i < start_[q + 1]; ++i) count += found_[i].count;
        return count;
    }

    // The place of a query's answer, and its number of rows.
    struct Answer {
        std::int64_t* ids;
        std::uint16_t* distances;
        std::size_t rows;
    };
    Answer answer(std::size_t q) {
        const std::size_t first = std::size_t(lists_.offsets[q]);
        return {lists_.ids.data() + first, lists_.distances.data() + first, std::size_t(lists_.offsets[q + 1]) - first};
    }

    void expand(std::size_t begin, std::size_t end, Neighbor* out) const {
        for (std::size_t i = begin; i < std::min(end, begin + ahead); ++i) rows_.prefetch_id(found_[i].row);
        in_pieces(begin, end, 4, [&](std::size_t from, std::size_t to) {
            Neighbor* next = out;  // a local copy stays in a register
            for (std::size_t i = from; i < to; ++i) {
                if (i + ahead < end) rows_.prefetch_id(found_[i + ahead].row);
                const Found& found = found_[i];
                for (std::size_t row = found.row; row < std::size_t(found.row) + found.count; ++row)
                    *next++ = {rows_.id(row), found.distance};
            }
            out = next;
        });
    }

    // Writes the rows of a query that has hit one code: they are in order. Returns false where it has hit more.
    bool write_one_code(std::size_t q) {
        if (start_[q + 1] - start_[q] != 1) return false;
        const Found found = found_[start_[q]];
        const Rows rows = rows_;
        const Answer to = answer(q);
        for (std::size_t i = 0; i < to.rows; ++i) to.ids[i] = rows.id(found.row + i);
        std::fill_n(to.distances, to.rows, found.distance);
        return true;
    }

    // Writes the rows of a query through a bit map; returns false where that does not pay.
    bool write_by_place(std::size_t q, std::size_t count, Places& places) {
        const Found *begin = found_.data() + start_[q], *end = found_.data() + start_[q + 1];
        const auto [nearest, farthest] =
            std::minmax_element(begin, end, [](const Found& a, const Found& b) { return a.distance < b.distance; });
        std::int64_t lowest = std::numeric_limits<std::int64_t>::max(),
                     highest = std::numeric_limits<std::int64_t>::min();
        for (const Found* found = begin; found < end; ++found) {
            if (found->count == 0) continue;
            lowest = std::min(lowest, rows_.id(found->row));
            highest = std::max(highest, rows_.id(std::size_t(found->row) + found->count - 1));
        }
        if (!places.start(count, lowest, highest, nearest->distance, farthest->distance)) return false;
        const Places::Put put = places.put();
        const Rows rows = rows_;
        bool are_free = true;
        in_pieces(0, std::size_t(end - begin), 4, [&, put, rows](std::size_t from, std::size_t to) {
            bool all_free = true;
            for (const Found *found = begin + from, *const stop = begin + to; found < stop; ++found) {
                if (end - found > std::ptrdiff_t(ahead)) rows.prefetch_id(found[ahead].row);
                for (std::size_t row = found->row; row < std::size_t(found->row) + found->count; ++row)
                    all_free &= put(rows.id(row), found->distance);
            }
            are_free &= all_free;
        });
        const Answer to = answer(q);
        if (are_free) places.read(to.rows, to.ids, to.distances);
        return are_free;
    }

    void write(std::size_t begin, std::size_t end, Neighbor* neighbors, NeighborOrder& order) {
        for (std::size_t q = begin; q < end; ++q) {
            const std::size_t count = rows_of(q);
            order(neighbors, neighbors + count);
            const Answer to = answer(q);
            for (std::size_t i = 0; i < to.rows; ++i) {
                to.ids[i] = neighbors[i].id;
                to.distances[i] = neighbors[i].distance;
            }
            neighbors += count;
        }
    }

    const Rows& rows_;
    std::size_t most_;
    std::vector<std::size_t> start_;  // found_[start_[q]:start_[q + 1]] are query q's
    Buffer<Found> found_;
    HitLists lists_;
};

inline constexpr std::size_t any_number = std::size_t(-1) >> 1;

inline HitLists assemble(const std::vector<Hits>& parts, const Rows& rows, std::size_t queries, std::size_t threads,
                         std::size_t most = any_number, std::size_t max_rows = any_number) {
    return Assembly(parts, rows, queries, most, max_rows).run(threads);
}

}  // namespace hashcore
