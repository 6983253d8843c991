// The fold table: hashing, filling, and the masks around a fold.
#include "indexer/native/sparse/folds.hpp"

#include <limits>

#include "hashcore/native/common/parallel.hpp"

namespace hashcore {

namespace {

constexpr std::size_t codes_per_task = 1 << 16;
constexpr double most_masks = 4'000'000;
constexpr double never = std::numeric_limits<double>::infinity();

std::uint32_t groups_of(std::size_t codes) { return std::uint32_t((codes + codes_per_group - 1) / codes_per_group); }

// choose(n, k) of n at most 64.
struct Binomials {
    double ways[65][65] = {};

    Binomials() {
        for (std::size_t n = 0; n <= 64; ++n)
            for (std::size_t k = 0; k <= n; ++k)
                ways[n][k] = k == 0 ? 1 : ways[n - 1][k - 1] + (k < n ? ways[n - 1][k] : 0);
    }
};

double choose(unsigned from, unsigned some) {
    static const Binomials binomials;
    return binomials.ways[from][some];
}

void add_subsets(std::uint64_t from, unsigned size, const HashedFold& chosen, std::vector<HashedFold>& to) {
    if (size == 0) return to.push_back(chosen);
    for (; from; from &= from - 1) {
        const std::uint64_t bit = from & -from;
        add_subsets(from & (from - 1), size - 1, chosen ^ HashedFold{bit, hash_fold(bit)}, to);
    }
}

// hash_of_byte[i][b]: hash of the fold whose byte i is b, and all others 0.
struct ByteHashes {
    std::uint64_t hash_of_byte[8][256] = {};

    ByteHashes() {
        for (std::size_t bit = 0; bit < 64; ++bit)
            for (std::size_t byte = 0; byte < 256; ++byte)
                if (byte >> bit % 8 & 1) hash_of_byte[bit / 8][byte] ^= random_word(bit);
    }
};

}  // namespace

// A splitmix64 mix of the bit's number.
std::uint64_t random_word(std::size_t bit) {
    std::uint64_t x = (std::uint64_t(bit) + 1) * 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

FoldTable::FoldTable(Classes classes, const std::uint32_t* offsets, const std::uint8_t* before,
                     const std::uint8_t* tags)
    : classes(classes), offsets(offsets), before(before), tags(tags), first{0}, codes(classes.starts[classes.count]) {
    for (std::size_t c = 0; c < classes.count; ++c) first.push_back(first.back() + groups_of(classes.codes(c)));
}

std::uint64_t hash_fold(std::uint64_t fold) {
    static const ByteHashes of;
    std::uint64_t hash = 0;
    for (std::size_t i = 0; i < 8; ++i) hash ^= of.hash_of_byte[i][fold >> 8 * i & 0xff];
    return hash;
}

void hash_folds(const Columns& codes, std::uint32_t* sizes, std::uint64_t* hashes, std::size_t threads) {
    parallel_for((codes.count + codes_per_task - 1) / codes_per_task, threads, [&](std::size_t task) {
        const std::size_t begin = task * codes_per_task, end = std::min(codes.count, begin + codes_per_task);
        Pulse& pulse = Pulse::of_this_thread();
        std::fill(sizes + begin, sizes + end, 0);
        std::fill(hashes + begin, hashes + end, 0);
        for (std::size_t w = 0; w < codes.words; ++w, pulse.beat(2 * (end - begin)))
            for (std::size_t i = begin; i < end; ++i) {
                const std::uint64_t word = codes.data[w * codes.stride + i];
                sizes[i] += std::uint32_t(__builtin_popcountll(word));
                hashes[i] ^= word;
            }
        for (std::size_t i = begin; i < end; ++i) hashes[i] = hash_fold(hashes[i]);
    });
}

std::size_t count_groups(const Classes& classes) { return FoldTable(classes, nullptr, nullptr, nullptr).groups(); }

void fill_folds(const Classes& classes, const std::uint64_t* hashes, std::uint32_t* offsets, std::uint8_t* before,
                std::uint8_t* tags) {
    const FoldTable table(classes, offsets, before, tags);
    std::size_t bucket = 0;
    const auto begin_buckets = [&](std::size_t end, std::uint32_t position) {
        for (; bucket < end; ++bucket) {
            std::uint32_t& group = offsets[bucket / buckets_per_group];
            if (bucket % buckets_per_group == 0) group = position;
            before[bucket] = std::uint8_t(std::min<std::uint32_t>(position - group, many));
        }
    };
    for (std::size_t c = 0; c < classes.count; ++c)
        in_pieces(classes.starts[c], classes.starts[c + 1], 4, [&](std::size_t from, std::size_t to) {
            for (std::size_t i = from; i < to; ++i) {
                begin_buckets(table.bucket(c, hashes[i]) + 1, std::uint32_t(i));
                tags[i] = std::uint8_t(hashes[i]);
            }
        });
    const std::uint32_t codes = classes.starts[classes.count];
    begin_buckets(table.groups() * buckets_per_group, codes);
    offsets[table.groups()] = codes;
    std::fill_n(tags + codes, tags_read_at_once - 1, 0);
}

ExpectedFolds expect_folds(const Folded& query, const Reach& reach, double codes, const std::vector<double>& per_fold) {
    if (reach.flips > most_fold_flips) return {never, never};
    const unsigned inside = query.inside(), own = query.own();
    ExpectedFolds all;
    each_split(reach, [&](unsigned lacked, unsigned gained) {
        const double look_ups = choose(inside, lacked) * choose(64 - inside, gained);
        const unsigned bits = std::min(own + gained - std::min(lacked, own + gained), 64u);
        all.look_ups += look_ups;
        all.codes += look_ups * codes * per_fold[bits];
    });
    return all.look_ups > most_masks ? ExpectedFolds{never, never} : all;
}

std::vector<double> spread_evenly(std::vector<double> shares) {
    for (unsigned bits = 0; bits < shares.size(); ++bits) shares[bits] /= choose(64, bits);
    return shares;
}

void FoldMasks::start(const Folded& query) {
    own_ = {query.fold, hash_fold(query.fold)};
    inside_.all = query.met, outside_.all = ~query.met;
    std::fill(std::begin(inside_.known), std::end(inside_.known), false);
    std::fill(std::begin(outside_.known), std::end(outside_.known), false);
}

const std::vector<HashedFold>& FoldMasks::subsets(Bits& bits, unsigned size) {
    if (!bits.known[size]) {
        bits.subsets[size].clear();
        add_subsets(bits.all, size, {0, 0}, bits.subsets[size]);
        bits.known[size] = true;
    }
    return bits.subsets[size];
}

}  // namespace hashcore
