// A shard's distinct codes and the rows that carry them, as Python hands them over.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "hashcore/native/common/arrays.hpp"
#include "hashcore/native/common/rows.hpp"

namespace hashcore {

using Numbers = std::optional<In1<std::uint32_t>>;
using LongIds = std::optional<In1<std::int64_t>>;

// The data of an array, null where there is none.
template <class Array>
auto data_of(const std::optional<Array>& array) {
    return array ? array->data() : nullptr;
}

// Keeps the arrays alive while they are searched; _native.pyi says what they hold.
class RowArrays {
  public:
    RowArrays(In2<std::uint64_t> codes, Numbers row_offsets, Numbers short_ids, LongIds long_ids, std::int64_t id_base,
              bool some_empty)
        : codes_(std::move(codes)), row_offsets_(std::move(row_offsets)), short_ids_(std::move(short_ids)),
          long_ids_(std::move(long_ids)), id_base_(id_base), some_empty_(some_empty) {}

    Columns codes() const { return columns_of(codes_); }
    Rows rows() const {
        const std::size_t total = short_ids_ ? short_ids_->shape(0) : long_ids_ ? long_ids_->shape(0) : 0;
        return {data_of(row_offsets_), data_of(short_ids_), data_of(long_ids_), id_base_, total, some_empty_};
    }

  private:
    In2<std::uint64_t> codes_;
    Numbers row_offsets_, short_ids_;
    LongIds long_ids_;
    std::int64_t id_base_;
    bool some_empty_;
};

}  // namespace hashcore
