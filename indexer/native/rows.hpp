// The rows of a shard: which ids carry a distinct code.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "hashcore/native/hits.hpp"

namespace hashcore {

// Rows row_offsets[p]:row_offsets[p + 1] carry distinct code p (null: row p alone does). Row r has id
// base + (short_ids ? short_ids[r] : long_ids[r]); within a code ids rise.
struct Rows {
    const std::uint32_t* row_offsets;
    const std::uint32_t* short_ids;
    const std::int64_t* long_ids;
    std::int64_t base;

    std::uint32_t begin(std::size_t position) const { return row_offsets ? row_offsets[position] : std::uint32_t(position); }
    std::uint32_t count(std::size_t position) const { return row_offsets ? row_offsets[position + 1] - row_offsets[position] : 1; }
    std::int64_t id(std::size_t row) const { return base + (short_ids ? std::int64_t(short_ids[row]) : long_ids[row]); }
};

// Replaces hits on distinct codes (their id is a position) by hits on the rows that carry them, at most `most` of each.
inline std::vector<Hit> expand(const Rows& rows, const std::vector<Hit>& hits, std::size_t most) {
    constexpr std::size_t ahead = 32;  // memory accesses kept in flight
    std::vector<Hit> out;
    out.reserve(hits.size());
    for (std::size_t i = 0; i < hits.size() + 2 * ahead; ++i) {
        if (i >= 2 * ahead) {
            const Hit& hit = hits[i - 2 * ahead];
            const std::size_t begin = rows.begin(std::size_t(hit.id)), count = std::min<std::size_t>(rows.count(std::size_t(hit.id)), most);
            for (std::size_t row = begin; row < begin + count; ++row) out.push_back({rows.id(row), hit.query, hit.distance});
        }
        if (i >= ahead && i < hits.size() + ahead) {
            const std::size_t row = rows.begin(std::size_t(hits[i - ahead].id));
            if (rows.short_ids) __builtin_prefetch(rows.short_ids + row);
            else __builtin_prefetch(rows.long_ids + row);
        }
        if (i < hits.size() && rows.row_offsets) __builtin_prefetch(rows.row_offsets + hits[i].id);
    }
    return out;
}

inline std::size_t count_rows(const Rows& rows, const std::vector<Hit>& hits) {
    std::size_t count = 0;
    for (const Hit& hit : hits) count += rows.count(std::size_t(hit.id));
    return count;
}

}  // namespace hashcore
