#include "indexer/native/building/keys.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "hashcore/native/common/parallel.hpp"

namespace hashcore {

namespace {

constexpr std::size_t at_once = 1 << 12;

// XXH64 by its specification (github.com/Cyan4973/xxHash, doc/xxhash_spec.md).
constexpr std::uint64_t prime1 = 0x9E3779B185EBCA87, prime2 = 0xC2B2AE3D27D4EB4F, prime3 = 0x165667B19E3779F9,
                        prime4 = 0x85EBCA77C2B2AE63, prime5 = 0x27D4EB2F165667C5;

template <class Number>
std::uint64_t read(const std::uint8_t* at) {
    Number value;
    std::memcpy(&value, at, sizeof value);
    return value;
}

std::uint64_t round(std::uint64_t lane, std::uint64_t input) { return std::rotl(lane + input * prime2, 31) * prime1; }

std::uint64_t merged(std::uint64_t hash, std::uint64_t lane) { return (hash ^ round(0, lane)) * prime1 + prime4; }

std::uint64_t begun(const std::uint8_t*& at, const std::uint8_t* end, std::uint64_t seed) {
    if (end - at < 32) return seed + prime5;
    std::uint64_t lanes[] = {seed + prime1 + prime2, seed + prime2, seed, seed - prime1};
    for (; end - at >= 32; at += 32)
        for (std::size_t lane = 0; lane < 4; ++lane)
            lanes[lane] = round(lanes[lane], read<std::uint64_t>(at + 8 * lane));
    std::uint64_t hash =
        std::rotl(lanes[0], 1) + std::rotl(lanes[1], 7) + std::rotl(lanes[2], 12) + std::rotl(lanes[3], 18);
    for (const std::uint64_t lane : lanes) hash = merged(hash, lane);
    return hash;
}

std::uint64_t xxh64(const std::uint8_t* at, const std::uint8_t* end, std::uint64_t seed) {
    const auto size = std::uint64_t(end - at);
    std::uint64_t hash = begun(at, end, seed) + size;
    for (; end - at >= 8; at += 8) hash = std::rotl(hash ^ round(0, read<std::uint64_t>(at)), 27) * prime1 + prime4;
    if (end - at >= 4) {
        hash = std::rotl(hash ^ (read<std::uint32_t>(at) * prime1), 23) * prime2 + prime3;
        at += 4;
    }
    for (; at < end; ++at) hash = std::rotl(hash ^ (*at * prime5), 11) * prime1;
    hash = (hash ^ (hash >> 33)) * prime2;
    hash = (hash ^ (hash >> 29)) * prime3;
    return hash ^ (hash >> 32);
}

template <class Work>
void in_parts(std::size_t count, std::size_t threads, const Work& work) {
    parallel_for((count + at_once - 1) / at_once, threads, [&](std::size_t part) {
        const std::size_t end = std::min(count, (part + 1) * at_once);
        for (std::size_t i = part * at_once; i < end; ++i) work(i);
    });
}

constexpr std::size_t group = 64;  // ids that are looked for at once, so that the memory's latency is shared
constexpr int rounds = 3;          // of interpolation: of n ids the distance left falls to about its root each time

// Rows in ascending order of their ids, which are hashes and so spread evenly.
struct Ordered {
    const std::int64_t* ids;
    const std::uint32_t* rows;
    std::size_t count;

    std::size_t row(std::size_t place) const { return rows[place] < count ? rows[place] : 0; }
    std::int64_t id(std::size_t place) const { return ids[row(place)]; }

    // Where an id would stand, were the ids spread evenly from the one at a place on, `apart` below it.
    std::size_t moved(double place, double apart) const {
        return std::size_t(std::clamp(place + apart * 0x1p-64 * double(count), 0.0, double(count - 1)));
    }

    // The first place whose id is not below a wanted one; it is looked for from `near` on, ever farther away.
    std::size_t lower_bound(std::int64_t wanted, std::size_t near) const {
        std::size_t low = near, high = near, step = 2;
        while (low > 0 && id(low - 1) >= wanted) {
            high = low - 1;
            low -= std::min(low, step);
            step *= 2;
        }
        for (step = 2; high < count && id(high) < wanted; step *= 2) {
            low = high + 1;
            high += std::min(count - high, step);
        }
        while (low < high) {
            const std::size_t middle = low + (high - low) / 2;
            if (id(middle) < wanted) low = middle + 1;
            else high = middle;
        }
        return low;
    }
};

}  // namespace

void hash_keys(const Keys& keys, std::uint64_t seed, std::int64_t* ids, std::size_t threads) {
    in_parts(keys.count, threads, [&](std::size_t i) {
        ids[i] = std::int64_t(xxh64(keys.bytes + keys.offsets[i], keys.bytes + keys.offsets[i + 1], seed));
    });
}

void find_hashed(const std::int64_t* ids, const std::uint32_t* rows, std::size_t count, const std::int64_t* wanted,
                 std::size_t asked, std::int64_t* found, std::size_t threads) {
    if (!count) {
        std::fill_n(found, asked, 0);
        return;
    }
    const Ordered ordered{ids, rows, count};
    parallel_for((asked + group - 1) / group, threads, [&](std::size_t part) {
        const std::size_t first = part * group, some = std::min(asked - first, group);
        std::size_t near[group];
        for (std::size_t i = 0; i < some; ++i) near[i] = ordered.moved(0, double(wanted[first + i]) + 0x1p63);
        for (int round = 0; round < rounds; ++round)
            for (std::size_t i = 0; i < some; ++i)
                near[i] = ordered.moved(double(near[i]), double(wanted[first + i]) - double(ordered.id(near[i])));
        for (std::size_t i = 0; i < some; ++i) {
            const std::int64_t id = wanted[first + i];
            const std::size_t place = ordered.lower_bound(id, near[i]);
            found[first + i] = std::int64_t(place < count && ordered.id(place) == id ? ordered.row(place) : count);
        }
    });
}

void copy_spans(const std::uint8_t* bytes, const std::int64_t* starts, const std::int64_t* offsets, std::size_t count,
                std::uint8_t* out, std::size_t threads) {
    in_parts(count, threads, [&](std::size_t i) {
        std::memcpy(out + offsets[i], bytes + starts[i], std::size_t(offsets[i + 1] - offsets[i]));
    });
}

}  // namespace hashcore
