// The rows that carry each distinct code. Arrays of a damaged file may point anywhere: readers of rows stay below
// `total`.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hashcore {

// Rows row_offsets[p]:row_offsets[p + 1] carry distinct code p (null: row p alone does). Row r < total has id base +
// (short_ids ? short_ids[r] : long_ids ? long_ids[r] : r); within a code ids rise.
struct Rows {
    const std::uint32_t* row_offsets = nullptr;
    const std::uint32_t* short_ids = nullptr;
    const std::int64_t* long_ids = nullptr;
    std::int64_t base = 0;
    std::size_t total = std::size_t(-1);
    bool some_empty = false;  // whether a code may have no rows, because they were deleted

    std::uint32_t begin(std::size_t position) const {
        return row_offsets ? row_offsets[position] : std::uint32_t(position);
    }
    std::uint32_t count(std::size_t position) const {
        return row_offsets ? row_offsets[position + 1] - row_offsets[position] : 1;
    }
    std::int64_t id(std::size_t row) const {
        return std::int64_t(std::uint64_t(base) + std::uint64_t(short_ids  ? std::int64_t(short_ids[row])
                                                                : long_ids ? long_ids[row]
                                                                           : std::int64_t(row)));
    }
    void prefetch_rows(std::size_t position) const {
        if (row_offsets) __builtin_prefetch(row_offsets + position);
    }
    void prefetch_id(std::size_t row) const {
        if (short_ids) __builtin_prefetch(short_ids + row);
        else if (long_ids) __builtin_prefetch(long_ids + row);
    }
};

}  // namespace hashcore
