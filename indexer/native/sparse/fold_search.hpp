// The search in a fold table: many buckets are prefetched at a time, then codes with equal tags are compared.
#pragma once

#include <array>
#include <cstring>
#include <span>
#include <vector>

#include "hashcore/native/common/pulse.hpp"
#include "indexer/native/sparse/folds.hpp"

namespace hashcore {

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

// A code whose tag is that of a fold looked up. `left` is the XOR of that fold and of the words read so far; `missing`
// is the number of the query's set bits that these words lack.
struct Met {
    std::uint64_t left;
    std::uint32_t query, position;
    std::uint16_t set_bits, missing = 0;
};

// Look-ups of the fold table, many at a time: while one bucket is read, the next ones are prefetched.
class FoldLookUps {
  public:
    explicit FoldLookUps(const FoldTable& table) : table_(table) {}

    std::size_t size() const { return size_; }
    bool is_full() const { return size_ == most; }
    void add(std::uint32_t query, std::size_t cls, const HashedFold& wanted) {
        const std::uint32_t bucket = table_.bucket(cls, wanted.hash);
        __builtin_prefetch(table_.before + bucket);
        __builtin_prefetch(table_.offsets + bucket / buckets_per_group);
        waiting_[size_++] = {
            wanted.fold, query, bucket, 0, std::uint16_t(table_.classes.sizes[cls]), std::uint8_t(wanted.hash)};
    }
    // Adds the codes whose tags are equal, and forgets the look-ups.
    void find(std::vector<Met>& met) {
        for (std::size_t i = 0; i < size_; ++i) {
            Waiting& one = waiting_[i];
            one.end = table_.end(one.bucket);
            one.bucket = table_.begin(one.bucket);
            __builtin_prefetch(table_.tags + one.bucket);
        }
        for (std::size_t i = 0; i < size_; ++i) {
            const Waiting& one = waiting_[i];
            each_tagged(table_.tags, one.bucket, one.end, one.tag,
                        [&](std::uint32_t position) { met.push_back({one.fold, one.query, position, one.set_bits}); });
        }
        size_ = 0;
    }

  private:
    static constexpr std::size_t most = 512;
    struct Waiting {
        std::uint64_t fold;
        std::uint32_t query, bucket, end;  // `bucket` is its number, later its first entry
        std::uint16_t set_bits;
        std::uint8_t tag;
    };
    const FoldTable& table_;
    std::size_t size_ = 0;
    std::array<Waiting, most> waiting_;
};

struct FoldWork {
    std::uint64_t look_ups = 0, candidates = 0, verified = 0;
};

// The order in which the words of a query are compared: first those that are not zero, which alone count missing bits.
class WordOrder {
  public:
    explicit WordOrder(std::size_t words) : words_(words) {}

    // Starts the orders of queries begin:end.
    void start(std::uint32_t begin, std::uint32_t end) {
        begin_ = begin;
        queries_.resize(end - begin);
        places_.resize(queries_.size() * words_);
    }
    void add(std::uint32_t q, const std::uint64_t* query, unsigned set_bits) {
        std::uint8_t* places = places_.data() + (q - begin_) * words_;
        std::size_t first = 0, last = words_;
        for (std::size_t w = 0; w < words_; ++w) places[query[w] ? first++ : --last] = std::uint8_t(w);
        queries_[q - begin_] = {std::uint16_t(set_bits), std::uint16_t(first)};
    }
    int set_bits(std::uint32_t q) const { return queries_[q - begin_].set_bits; }
    std::span<const std::uint8_t> first_half(std::uint32_t q) const { return all(q).first(half(q)); }
    std::span<const std::uint8_t> second_half(std::uint32_t q) const {
        return all(q).first(queries_[q - begin_].not_zero).subspan(half(q));
    }
    std::span<const std::uint8_t> all(std::uint32_t q) const {
        return {places_.data() + (q - begin_) * words_, words_};
    }

  private:
    struct Query {
        std::uint16_t set_bits, not_zero;
    };
    std::size_t half(std::uint32_t q) const { return (queries_[q - begin_].not_zero + 1u) / 2; }

    std::size_t words_;
    std::uint32_t begin_ = 0;
    std::vector<std::uint8_t> places_;
    std::vector<Query> queries_;
};

class FoldSearch {
  public:
    FoldSearch(const FoldTable& table, const Columns& codes)
        : table_(table), codes_(codes), look_ups_(table), order_(codes.words) {}

    // Calls sink(query, position, distance) once for each code within `radius` of the active queries, which are one or
    // more and rise. radius_of(query) may fall while answers come in.
    template <class RadiusOf, class Sink>
    FoldWork run(const Queries& queries, const std::vector<std::uint32_t>& active, unsigned radius,
                 RadiusOf&& radius_of, Sink&& sink) {
        FoldWork work;
        Pulse& pulse = Pulse::of_this_thread();
        std::uint64_t seen = 0;
        const auto answer = [&] {
            work.look_ups += look_ups_.size();
            look_ups_.find(met_);
            work.candidates += met_.size();
            work.verified += compare(queries, radius > 0, radius_of, sink);
        };
        order_.start(active.front(), active.back() + 1);
        for (const std::uint32_t q : active) {
            const Folded query = folded(queries.data + q * codes_.words, codes_.words);
            order_.add(q, queries.data + q * codes_.words, query.set_bits);
            masks_.start(query);
            each_reach(table_.classes, query.set_bits, radius, [&](const Reach& reach) {
                masks_.each(reach, [&](const HashedFold& mask) {
                    if (look_ups_.is_full()) answer();
                    look_ups_.add(q, reach.cls, masks_.own() ^ mask);
                });
                pulse.beat(64 + 16 * (work.look_ups - seen));  // a class takes a few million at most
                seen = work.look_ups;
            });
        }
        answer();
        return work;
    }

  private:
    static constexpr std::size_t ahead = 32;  // codes prefetched

    // Reports the codes within the radius. A code with s set bits that lacks m of the query's q is s - q + 2m bits
    // away: half of the query's words rule out most codes, and the others are fetched for the rest. Where `several`
    // folds around a query were looked up, a code is reported by its own fold alone, not by another with the same tag.
    template <class RadiusOf, class Sink>
    std::size_t compare(const Queries& queries, bool several, RadiusOf&& radius_of, Sink&& sink) {
        const auto distance = [&](const Met& one) {
            return int(one.set_bits) - order_.set_bits(one.query) + 2 * int(one.missing);
        };
        const auto is_near = [&](const Met& one) { return distance(one) <= radius_of(one.query); };
        const auto count = [&](Met& one, std::size_t w, std::uint64_t word) {
            one.missing =
                std::uint16_t(one.missing + __builtin_popcountll(queries.data[one.query * codes_.words + w] & ~word));
        };
        filter([&](const Met& one) { return order_.first_half(one.query); }, count, is_near);
        filter([&](const Met& one) { return order_.second_half(one.query); }, count, is_near);
        if (several)
            filter([&](const Met& one) { return order_.all(one.query); },
                   [](Met& one, std::size_t, std::uint64_t word) { one.left ^= word; },
                   [](const Met& one) { return one.left == 0; });
        std::size_t within = 0;
        for (const Met& one : met_)
            if (is_near(one) && distance(one) >= 0)
                ++within, sink(one.query, one.position, std::uint16_t(distance(one)));
        met_.clear();
        return within;
    }

    // Takes a step with some words of every code, which are prefetched, and drops the codes that `keeps` refuses.
    template <class Words, class Step, class Keeps>
    void filter(Words&& words, Step&& step, Keeps&& keeps) {
        std::size_t kept = 0;
        for (std::size_t i = 0; i < met_.size() + ahead; ++i) {
            if (i < met_.size())
                for (const std::size_t w : words(met_[i]))
                    __builtin_prefetch(codes_.data + w * codes_.stride + met_[i].position);
            if (i < ahead) continue;
            Met one = met_[i - ahead];
            for (const std::size_t w : words(one)) step(one, w, codes_.data[w * codes_.stride + one.position]);
            if (keeps(one)) met_[kept++] = one;
        }
        met_.resize(kept);
    }

    const FoldTable& table_;
    const Columns& codes_;
    FoldMasks masks_;
    FoldLookUps look_ups_;
    WordOrder order_;
    std::vector<Met> met_;
};

}  // namespace hashcore
