// Inverted lists of sparse codes: for each token (bit of the stored code) and each class, the positions of the codes
// that have the bit. They are kept as gaps of a byte each where they are short, else as a bit map.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "hashcore/native/scan/scan.hpp"
#include "indexer/native/sparse/classes.hpp"

namespace hashcore {

// The list of token t in class c has counts[t * classes + c] postings and begins at bytes + offsets[t * classes + c];
// there are `size` bytes. Those of a damaged file may be any numbers: nothing outside the bytes is read.
struct Lists {
    Classes classes;
    const std::int64_t* offsets = nullptr;
    const std::uint32_t* counts = nullptr;
    const std::uint8_t* bytes = nullptr;
    std::size_t size = 0;

    bool empty() const { return bytes == nullptr; }
    std::uint32_t count(std::size_t token, std::size_t cls) const { return counts[token * classes.count + cls]; }
    const std::uint8_t* list(std::size_t token, std::size_t cls) const {
        return bytes + std::min(std::size_t(offsets[token * classes.count + cls]), size);
    }
    const std::uint8_t* end() const { return bytes + size; }
};

inline std::size_t bitmap_bytes(std::uint32_t codes) { return (std::size_t(codes) + 63) / 64 * 8; }
// Whether so many postings of a class take less room as a bit map than as gaps.
inline bool is_bitmap(std::uint32_t postings, std::uint32_t codes) { return postings > bitmap_bytes(codes); }

// A gap is the number of positions of the class between two postings, or before the first. It is a byte below 254, or
// 254 and two bytes, or 255 and four bytes.
inline std::size_t gap_bytes(std::uint32_t gap) { return gap < 254 ? 1 : gap < 65536 ? 3 : 5; }

// A walk through one list of gaps. Positions rise; past the end the position is `none`. No byte beyond the lists is
// read.
class Gaps {
  public:
    static constexpr std::uint64_t none = 0xffffffff;

    Gaps(const Lists& lists, std::size_t token, std::size_t cls)
        : at_(lists.list(token, cls)), end_(lists.end()), left_(lists.count(token, cls)),
          next_(lists.classes.starts[cls]) {
        step();
    }

    std::uint64_t position() const { return position_; }
    void step() {
        if (sure_ == 0 && !look_ahead()) {
            position_ = none;
            return;
        }
        --sure_;
        std::uint64_t gap = *at_++;
        if (gap >= 254) [[unlikely]]
            gap = long_gap(gap);
        position_ = next_ + gap;
        next_ = position_ + 1;
    }

  private:
    static constexpr std::size_t longest_gap = 5;

    std::uint64_t long_gap(std::uint64_t mark) {
        std::uint64_t gap = 0;
        for (std::size_t i = 0; i < (mark == 254 ? 2u : 4u); ++i) gap |= std::uint64_t(*at_++) << (8 * i);
        return gap;
    }

    // Returns whether there is another posting. Postings that lie within the bytes for certain are then read unchecked.
    bool look_ahead() {
        const std::size_t room = std::size_t(end_ - at_);
        if (left_ == 0 || room == 0) return false;
        const bool is_last_few = room < longest_gap;
        if (is_last_few && (*at_ < 254 ? 1u : *at_ == 254 ? 3u : 5u) > room) return false;
        sure_ = is_last_few ? 1 : std::uint32_t(std::min<std::size_t>(left_, room / longest_gap));
        left_ -= sure_;
        return true;
    }

    const std::uint8_t *at_, *end_;
    std::uint32_t left_, sure_ = 0;
    std::uint64_t next_, position_ = 0;
};

// Counts postings and bytes of every list, token by token and class by class.
void measure_lists(const Columns& codes, const Classes& classes, std::size_t tokens, std::uint32_t* counts,
                   std::int64_t* bytes, std::size_t threads);

// Writes every list at its offset, into bytes that are zero.
void fill_lists(const Columns& codes, const Classes& classes, std::size_t tokens, const std::int64_t* offsets,
                const std::uint32_t* counts, std::uint8_t* bytes, std::size_t threads);

// Returns the number (token * classes + class) of the first list that leaves the bytes or its class, or the number of
// lists if none does.
std::size_t first_damaged(const Lists& lists, std::size_t tokens);

// The search of one class of codes for one query: the `lists` rarest of its tokens are read, and codes in at least
// `least` of them are candidates. If all tokens are read, the counts give the distances.
struct ClassPlan {
    std::size_t cls;
    std::size_t lists, least;  // least = 0: every code of the class is an answer
    double postings, candidates, ns;
};

struct ListCosts {
    double posting, verify, scan;  // nanoseconds: a posting read, a code compared after a random access, a code scanned
};

// The cheapest plan for each class that may hold answers; `tokens` are the set bits of the query.
std::vector<ClassPlan> plan_classes(const Lists& lists, const std::vector<std::uint32_t>& tokens, unsigned radius,
                                    const ListCosts& costs);

// The work of one search: postings read, and candidates compared.
struct ListWork {
    std::uint64_t postings = 0, candidates = 0;
};

class ListSearch {
  public:
    ListSearch(const Lists& lists, const Columns& codes);

    // Calls sink(position, distance) for each code within `radius` of one query.
    template <class Sink>
    ListWork run(const std::uint64_t* query, const std::vector<std::uint32_t>& tokens, unsigned radius,
                 const std::vector<ClassPlan>& plans, Sink&& sink) {
        ListWork work;
        for (const ClassPlan& plan : plans) {
            found_.clear();
            work.postings += search_class(query, tokens, radius, plan, work.candidates);
            for (const Found& found : found_) sink(found.position, found.distance);
        }
        return work;
    }

  private:
    struct Found {
        std::uint32_t position;
        std::uint16_t distance;
    };

    std::uint64_t search_class(const std::uint64_t* query, const std::vector<std::uint32_t>& tokens, unsigned radius,
                               const ClassPlan& plan, std::uint64_t& candidates);
    void count_gaps(Gaps& gaps, std::uint32_t start, std::uint32_t stop, std::size_t least);
    void count_bits(const std::uint8_t* bitmap, std::uint32_t begin, std::uint32_t start, std::uint32_t stop,
                    std::size_t least);
    void reach(std::uint32_t position, std::uint32_t start, std::size_t least) {
        if (++seen_[position - start] == least) reached_.push_back(position);
    }
    void compare(const std::uint64_t* query, std::uint32_t position, unsigned radius);

    const Lists& lists_;
    const Columns& codes_;
    std::vector<std::uint16_t> seen_;
    std::vector<std::uint32_t> reached_;
    std::vector<Found> found_;
};

}  // namespace hashcore
