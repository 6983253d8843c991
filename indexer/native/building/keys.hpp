// Keys of items: hashed to ids, found by them, and copied.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hashcore {

// Keys one after another: key i is bytes[offsets[i]] … bytes[offsets[i + 1] - 1].
struct Keys {
    const std::int64_t* offsets;
    const std::uint8_t* bytes;
    std::size_t count;
};

// Writes XXH64 of each key, as a signed number.
void hash_keys(const Keys& keys, std::uint64_t seed, std::int64_t* ids, std::size_t threads);

// Writes for each wanted id the row that has it, or `count` where none has. `rows` are all rows in ascending order of
// their ids, which are hashes and so spread evenly; a row that is none counts as the first.
void find_hashed(const std::int64_t* ids, const std::uint32_t* rows, std::size_t count, const std::int64_t* wanted,
                 std::size_t asked, std::int64_t* found, std::size_t threads);

// Copies spans of bytes one after another: span i begins at starts[i] and ends where span i + 1 of `offsets` begins.
void copy_spans(const std::uint8_t* bytes, const std::int64_t* starts, const std::int64_t* offsets, std::size_t count,
                std::uint8_t* out, std::size_t threads);

}  // namespace hashcore
