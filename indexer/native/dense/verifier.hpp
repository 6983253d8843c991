// The verification of candidates: whole codes are compared, and each item is reported by one table alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "hashcore/native/common/pulse.hpp"
#include "indexer/native/dense/sweep.hpp"

namespace hashcore {

inline const std::uint64_t* code_of(const Queries& queries, std::size_t words, std::size_t query) {
    return queries.data + query * words;
}

// Compares the codes of candidates, and calls sink(query, position, distance) for those within the radius.
class Verifier {
  public:
    Verifier(const Shard& shard, const Queries& queries, const Pass& pass)
        : shard_(shard), queries_(queries), table_(shard.tables[pass.table]) {
        for (std::size_t t = 0; t < shard.tables.size(); ++t) {
            if (pass.already[t] < 0) continue;
            const Table& table = shard.tables[t];
            if (table.word != table_.filter_word)
                known_.push_back({table.word, substring_mask(table), pass.already[t]});
        }
    }

    // Leaves out items that the filter word cannot tell as reported; the look-up has left out the others.
    template <class Radius, class Sink>
    void verify(const Candidates& candidates, Radius&& radius_of, Sink&& sink) const {
        const std::size_t words = shard_.codes.words, total = candidates.size();
        in_pieces(0, total + 2 * ahead, 8, [&](std::size_t from, std::size_t to) {
            for (std::size_t i = from; i < to; ++i) {
                if (i >= 2 * ahead) verify_one(candidates[i - 2 * ahead], radius_of, sink);
                if (i >= ahead && i < total + ahead) {
                    const std::uint32_t position = table_.position(candidates[i - ahead].entry);
                    for (std::size_t w = 0; w < words; ++w)
                        if (w != table_.filter_word)
                            __builtin_prefetch(shard_.codes.data + w * shard_.codes.stride + position);
                }
                if (i >= total) continue;
                if (table_.positions) __builtin_prefetch(table_.positions + candidates[i].entry);
                if (words > 1) __builtin_prefetch(query(candidates[i]));
            }
        });
    }

  private:
    static constexpr std::size_t ahead = 32;  // memory accesses kept in flight

    // A table that has reported every item that differs in at most `differing` bits of its substring, which is not in
    // the filter word.
    struct Known {
        std::size_t word;
        std::uint64_t mask;
        int differing;
    };

    const std::uint64_t* query(const Candidate& found) const {
        return code_of(queries_, shard_.codes.words, found.query);
    }

    template <class Radius, class Sink>
    void verify_one(const Candidate& found, Radius&& radius_of, Sink&& sink) const {
        const std::uint32_t position = table_.position(found.entry);
        if (position >= shard_.codes.count) [[unlikely]]
            return;
        const auto word = [&](std::size_t w) { return shard_.codes.data[w * shard_.codes.stride + position]; };
        unsigned distance = found.distance;
        for (std::size_t w = 0; w < shard_.codes.words; ++w)
            if (w != table_.filter_word) distance += unsigned(__builtin_popcountll(query(found)[w] ^ word(w)));
        if (int(distance) <= radius_of(found.query) && is_new(query(found), word))
            sink(found.query, position, std::uint16_t(distance));
    }

    template <class Word>
    bool is_new(const std::uint64_t* query, Word&& word) const {
        for (const Known& by : known_)
            if (__builtin_popcountll((query[by.word] ^ word(by.word)) & by.mask) <= by.differing) return false;
        return true;
    }

    const Shard& shard_;
    const Queries& queries_;
    const Table& table_;
    std::vector<Known> known_;
};

inline Probe probe_of(const Table& table, const Queries& queries, std::size_t words, std::size_t query,
                      unsigned radius) {
    const std::uint64_t* code = code_of(queries, words, query);
    return {code[table.filter_word], table.bucket_of(code), radius, std::uint32_t(query)};
}

}  // namespace hashcore
