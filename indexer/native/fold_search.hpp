// Search in a fold table: many buckets on their way at a time, then the codes whose tags agree are compared.
#pragma once

#include <array>
#include <cstring>
#include <vector>

#include "indexer/native/folds.hpp"

namespace hashcore {

inline std::size_t set_bits(const std::uint64_t* query, std::size_t words) {
    std::size_t set = 0;
    for (std::size_t w = 0; w < words; ++w) set += std::size_t(__builtin_popcountll(query[w]));
    return set;
}

// Calls each(entry) for the entries of a bucket with some tag.
template <class Each>
void each_tagged(const std::uint8_t* tags, std::uint32_t begin, std::uint32_t end, std::uint8_t tag, Each&& each) {
    constexpr std::uint64_t ones = 0x0101010101010101u;
    for (std::uint32_t from = begin; from < end; from += tags_read_at_once) {  // nearly always once
        std::uint64_t eight;
        std::memcpy(&eight, tags + from, sizeof eight);
        eight ^= ones * tag;
        if (!((eight - ones) & ~eight & ones << 7)) continue;  // no byte is zero
        for (std::uint32_t entry = from; entry < std::min<std::uint32_t>(end, from + tags_read_at_once); ++entry)
            if (tags[entry] == tag) each(entry);
    }
}

// A code whose tag agrees with that of a fold looked up: `left` is the XOR of that fold and the words compared so far.
struct Met {
    std::uint64_t left;
    std::uint32_t query, position;
    unsigned distance = 0;
};

// Look-ups of the fold table, many at a time: while one bucket is read the next ones are on their way.
class FoldLookUps {
  public:
    explicit FoldLookUps(const FoldTable& table) : table_(table) {}

    std::size_t size() const { return size_; }
    bool is_full() const { return size_ == most; }
    void add(std::uint32_t query, std::size_t cls, const HashedFold& wanted) {
        const std::uint32_t bucket = table_.bucket(cls, wanted.hash);
        __builtin_prefetch(table_.before + bucket);
        __builtin_prefetch(table_.offsets + bucket / buckets_per_group);
        waiting_[size_++] = {wanted.fold, query, bucket, 0, std::uint8_t(wanted.hash)};
    }
    // Adds the codes whose tags agree, and starts anew.
    void find(std::vector<Met>& met) {
        for (std::size_t i = 0; i < size_; ++i) {
            Waiting& one = waiting_[i];
            one.end = table_.end(one.bucket);
            one.bucket = table_.begin(one.bucket);
            __builtin_prefetch(table_.tags + one.bucket);
        }
        for (std::size_t i = 0; i < size_; ++i) {
            const Waiting& one = waiting_[i];
            each_tagged(table_.tags, one.bucket, one.end, one.tag, [&](std::uint32_t position) { met.push_back({one.fold, one.query, position}); });
        }
        size_ = 0;
    }

  private:
    static constexpr std::size_t most = 512;
    struct Waiting {
        std::uint64_t fold;
        std::uint32_t query, bucket, end;  // from bucket number to its first entry
        std::uint8_t tag;
    };
    const FoldTable& table_;
    std::size_t size_ = 0;
    std::array<Waiting, most> waiting_;
};

struct FoldWork {
    std::uint64_t look_ups = 0, candidates = 0, verified = 0;
};

class FoldSearch {
  public:
    FoldSearch(const FoldTable& table, const Columns& codes) : table_(table), codes_(codes), look_ups_(table) {}

    // What lies within `radius` of the active queries is handed to sink(query, position, distance), once; radius_of(query) may
    // fall while answers come in.
    template <class RadiusOf, class Sink>
    FoldWork run(const Queries& queries, const std::vector<std::uint32_t>& active, unsigned radius, RadiusOf&& radius_of, Sink&& sink) {
        FoldWork work;
        const auto answer = [&] {
            work.look_ups += look_ups_.size();
            look_ups_.find(met_);
            work.candidates += met_.size();
            work.verified += compare(queries, radius_of, sink);
        };
        for (const std::uint32_t q : active) {
            const std::uint64_t* query = queries.data + q * codes_.words;
            masks_.start(query, codes_.words);
            each_reach(table_.classes, set_bits(query, codes_.words), radius, [&](const Reach& reach) {
                masks_.each(reach, [&](const HashedFold& mask) {
                    if (look_ups_.is_full()) answer();
                    look_ups_.add(q, reach.cls, masks_.own() ^ mask);
                });
            });
        }
        answer();
        return work;
    }

  private:
    static constexpr std::size_t ahead = 32;  // codes on their way

    // Hands on what is within the radius: half of the words decide of most codes, and the others are fetched for the rest.
    template <class RadiusOf, class Sink>
    std::size_t compare(const Queries& queries, RadiusOf&& radius_of, Sink&& sink) {
        for (std::size_t begin = 0, end = (codes_.words + 1) / 2; begin < end; begin = end, end = codes_.words) {
            std::size_t kept = 0;
            for (std::size_t i = 0; i < met_.size() + ahead; ++i) {
                if (i < met_.size())
                    for (std::size_t w = begin; w < end; ++w) __builtin_prefetch(codes_.data + w * codes_.stride + met_[i].position);
                if (i < ahead) continue;
                Met one = met_[i - ahead];
                for (std::size_t w = begin; w < end; ++w) add_word(one, queries.data[one.query * codes_.words + w], codes_.data[w * codes_.stride + one.position]);
                if (int(one.distance) <= radius_of(one.query)) met_[kept++] = one;
            }
            met_.resize(kept);
        }
        std::size_t within = 0;
        for (const Met& one : met_)  // a code met by another fold whose tag agrees is left to its own
            if (one.left == 0 && int(one.distance) <= radius_of(one.query)) ++within, sink(one.query, one.position, std::uint16_t(one.distance));
        met_.clear();
        return within;
    }

    // Most words of two sparse codes are equal, and without an instruction for it counting bits takes longer than asking.
    static void add_word(Met& one, std::uint64_t asked, std::uint64_t word) {
        one.left ^= word;
        if (asked != word) one.distance += unsigned(__builtin_popcountll(asked ^ word));
    }

    const FoldTable& table_;
    const Columns& codes_;
    FoldMasks masks_;
    FoldLookUps look_ups_;
    std::vector<Met> met_;
};

}  // namespace hashcore
