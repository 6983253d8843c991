// The fold table: codes by their folds. A fold is the XOR of a code's words. Two folds are never farther apart than
// their codes, so looking up the folds around a query's finds whatever lies within a radius. The table is kept by
// class: the number of set bits of a code tells how many bits of the query it lacks and how many others it has.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "hashcore/native/scan/scan.hpp"
#include "indexer/native/sparse/classes.hpp"

namespace hashcore {

// A code in 64 bits: the XOR of its words, their OR, and the number of bits set.
struct Folded {
    std::uint64_t fold = 0, met = 0;
    unsigned set_bits = 0;

    unsigned own() const { return unsigned(__builtin_popcountll(fold)); }
    unsigned inside() const { return unsigned(__builtin_popcountll(met)); }
};

// Folds the code whose word w is word(w).
template <class Word>
Folded folded(std::size_t words, Word&& word) {
    Folded code;
    for (std::size_t w = 0; w < words; ++w) {
        const std::uint64_t one = word(w);
        code.fold ^= one, code.met |= one, code.set_bits += unsigned(__builtin_popcountll(one));
    }
    return code;
}

inline Folded folded(const std::uint64_t* code, std::size_t words) {
    return folded(words, [code](std::size_t w) { return code[w]; });
}

// The random word of a bit.
std::uint64_t random_word(std::size_t bit);

// The hash of a fold: the XOR of one random word for each of its bits. hash(a ^ b) = hash(a) ^ hash(b), so one
// instruction hashes a fold around a query's.
std::uint64_t hash_fold(std::uint64_t fold);

constexpr unsigned order_bits = 31;           // of a hash, by which the codes of a class ascend
constexpr std::size_t codes_per_group = 128;  // on average
constexpr std::size_t buckets_per_group = 32;
constexpr unsigned most_fold_flips = 8;  // of a fold
constexpr std::uint8_t many = 255;
constexpr std::size_t tags_read_at_once = 8;  // so seven bytes of padding follow the last

// The table. Codes of class c ascend by the top bits of their folds' hashes, and lie in groups first[c]:first[c + 1];
// group g holds codes offsets[g]:offsets[g + 1]. before[b] of these, or more if it is `many`, precede bucket b, a 32nd
// of its group. tags[i] is the low byte of the hash of code i. Offsets of a damaged file may point anywhere: buckets
// stay within the codes.
struct FoldTable {
    Classes classes;
    const std::uint32_t* offsets = nullptr;
    const std::uint8_t* before = nullptr;
    const std::uint8_t* tags = nullptr;
    std::vector<std::uint32_t> first;
    std::uint32_t codes = 0;

    FoldTable() = default;
    FoldTable(Classes classes, const std::uint32_t* offsets, const std::uint8_t* before, const std::uint8_t* tags);

    bool empty() const { return tags == nullptr; }
    std::size_t groups() const { return first.back(); }
    std::uint32_t bucket(std::size_t cls, std::uint64_t hash) const {
        const std::uint64_t buckets = std::uint64_t(first[cls + 1] - first[cls]) * buckets_per_group;
        return std::uint32_t(first[cls] * buckets_per_group + ((hash >> (64 - order_bits)) * buckets >> order_bits));
    }
    std::uint32_t begin(std::uint32_t bucket) const { return offsets[bucket / buckets_per_group] + before[bucket]; }
    std::uint32_t end(std::uint32_t bucket) const {
        const bool is_last = (bucket + 1) % buckets_per_group == 0 || before[bucket + 1] == many;
        const std::uint32_t end = is_last ? offsets[bucket / buckets_per_group + 1]
                                          : offsets[bucket / buckets_per_group] + before[bucket + 1];
        return std::min(end, codes);
    }
};

// hashes[i] = hash of the fold of code i; sizes[i] = its set bits.
void hash_folds(const Columns& codes, std::uint32_t* sizes, std::uint64_t* hashes, std::size_t threads);

// The groups of all classes, in their order.
std::size_t count_groups(const Classes& classes);
void fill_folds(const Classes& classes, const std::uint64_t* hashes, std::uint32_t* offsets, std::uint8_t* before,
                std::uint8_t* tags);

// How far a code of a class may be from a query: in at most `flips` bits, or fewer by an even number. At most `added`
// of them are not set in the query.
struct Reach {
    std::size_t cls;
    unsigned flips, added;
};

template <class Each>
void each_reach(const Classes& classes, std::size_t own, unsigned radius, Each&& each) {
    classes.each_near(own, radius, [&](std::size_t cls) {
        const long difference = long(classes.sizes[cls]) - long(own);
        const unsigned apart = unsigned(difference < 0 ? -difference : difference);
        const unsigned flips = std::min<unsigned>(radius - (radius - apart) % 2, unsigned(2 * long(own) + difference));
        each(Reach{cls, flips, unsigned((long(flips) + difference) / 2)});
    });
}

// Calls split(lacked, gained) for all masks of a reach: bits among those that the query's set bits fold to, and bits
// among the others.
template <class Split>
void each_split(const Reach& reach, Split&& split) {
    for (unsigned gained = 0; gained <= std::min(reach.added, reach.flips); ++gained)
        for (unsigned lacked = (reach.flips - gained) % 2; lacked <= reach.flips - gained; lacked += 2)
            split(lacked, gained);
}

// The folds around a query's to look up, and the codes of the class that they lead to, if a share per_fold[w] of all
// codes has each fold of w bits. Both are infinite beyond most_fold_flips or a few million folds, which cost more than
// a scan.
struct ExpectedFolds {
    double look_ups = 0, codes = 0;
};
ExpectedFolds expect_folds(const Folded& query, const Reach& reach, double codes, const std::vector<double>& per_fold);

// Returns the share of codes that has each fold of w bits; shares[w] have a fold of w bits.
std::vector<double> spread_evenly(std::vector<double> shares);

struct HashedFold {
    std::uint64_t fold, hash;

    HashedFold operator^(const HashedFold& other) const { return {fold ^ other.fold, hash ^ other.hash}; }
};

// The masks that lead from a query's fold to the folds around it.
class FoldMasks {
  public:
    void start(const Folded& query);
    const HashedFold& own() const { return own_; }

    // Calls each(mask) once for each mask of at most most_fold_flips flips.
    template <class Each>
    void each(const Reach& reach, Each&& each) {
        each_split(reach, [&](unsigned lacked, unsigned gained) {
            for (const HashedFold& a : subsets(inside_, lacked))
                for (const HashedFold& b : subsets(outside_, gained)) each(a ^ b);
        });
    }

  private:
    // Some of the 64 bits, and their subsets of each size, made on demand.
    struct Bits {
        std::uint64_t all = 0;
        std::vector<HashedFold> subsets[most_fold_flips + 1];
        bool known[most_fold_flips + 1] = {};
    };
    static const std::vector<HashedFold>& subsets(Bits& bits, unsigned size);

    HashedFold own_{0, 0};
    Bits inside_, outside_;  // bits that the query's set bits fold to, and the others
};

}  // namespace hashcore
