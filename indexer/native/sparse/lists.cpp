// Inverted lists: filling, checking, planning and searching them.
#include "indexer/native/sparse/lists.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "hashcore/native/common/parallel.hpp"

namespace hashcore {

namespace {

constexpr std::size_t window = 4096;  // positions counted at a time, whose counters fit the first-level cache

// Calls each(token, class, place in the class, gap) for every posting of the 64 tokens of a word, by rising position.
template <class Each>
void each_posting(const Columns& codes, const Classes& classes, std::size_t word, Each&& each) {
    for (std::size_t c = 0; c < classes.count; ++c) {
        const std::uint64_t* column = codes.data + word * codes.stride + classes.starts[c];
        std::uint32_t next[64] = {};
        in_pieces(0, classes.codes(c), 8, [&](std::size_t from, std::size_t to) {
            for (std::uint32_t place = std::uint32_t(from); place < to; ++place)
                for (std::uint64_t bits = column[place]; bits; bits &= bits - 1) {
                    const unsigned bit = unsigned(__builtin_ctzll(bits));
                    each(64 * word + bit, c, place, place - next[bit]);
                    next[bit] = place + 1;
                }
        });
    }
}

std::uint8_t* write_gap(std::uint8_t* to, std::uint32_t gap) {
    if (gap < 254) {
        *to++ = std::uint8_t(gap);
        return to;
    }
    const std::size_t bytes = gap_bytes(gap) - 1;
    *to++ = bytes == 2 ? 254 : 255;
    for (std::size_t i = 0; i < bytes; ++i) *to++ = std::uint8_t(gap >> (8 * i));
    return to;
}

// The probability of at least `least` events where `mean` are expected, if they are independent and rare.
double at_least(double mean, std::size_t least) {
    double below = 0, term = std::exp(-mean);
    for (std::size_t i = 0; i < least; ++i) {
        below += term;
        term *= mean / double(i + 1);
    }
    return std::clamp(1 - below, 0.0, 1.0);
}

// The query's tokens, rarest in a class first.
std::vector<std::uint32_t> by_rarity(const Lists& lists, const std::vector<std::uint32_t>& tokens, std::size_t cls) {
    std::vector<std::uint32_t> ordered = tokens;
    const auto count = [&](std::uint32_t token) { return lists.count(token, cls); };
    std::sort(ordered.begin(), ordered.end(),
              [&](std::uint32_t a, std::uint32_t b) { return count(a) != count(b) ? count(a) < count(b) : a < b; });
    return ordered;
}

}  // namespace

void measure_lists(const Columns& codes, const Classes& classes, std::size_t tokens, std::uint32_t* counts,
                   std::int64_t* bytes, std::size_t threads) {
    std::fill_n(counts, tokens * classes.count, 0);
    std::fill_n(bytes, tokens * classes.count, 0);
    parallel_for(codes.words, threads, [&](std::size_t word) {
        each_posting(codes, classes, word, [&](std::size_t token, std::size_t c, std::uint32_t, std::uint32_t gap) {
            ++counts[token * classes.count + c];
            bytes[token * classes.count + c] += std::int64_t(gap_bytes(gap));
        });
    });
    for (std::size_t list = 0; list < tokens * classes.count; ++list) {
        const std::uint32_t codes_of_class = classes.codes(list % classes.count);
        if (is_bitmap(counts[list], codes_of_class)) bytes[list] = std::int64_t(bitmap_bytes(codes_of_class));
    }
}

void fill_lists(const Columns& codes, const Classes& classes, std::size_t tokens, const std::int64_t* offsets,
                const std::uint32_t* counts, std::uint8_t* bytes, std::size_t threads) {
    parallel_for(codes.words, threads, [&](std::size_t word) {
        const std::size_t first = 64 * word, count = std::min<std::size_t>(tokens - first, 64) * classes.count;
        std::vector<std::uint8_t*> next(count);
        for (std::size_t i = 0; i < count; ++i) next[i] = bytes + offsets[first * classes.count + i];
        each_posting(codes, classes, word,
                     [&](std::size_t token, std::size_t c, std::uint32_t place, std::uint32_t gap) {
            std::uint8_t*& to = next[(token - first) * classes.count + c];
            if (is_bitmap(counts[token * classes.count + c], classes.codes(c)))
                to[place / 8] |= std::uint8_t(1 << place % 8);
            else to = write_gap(to, gap);
        });
    });
}

std::size_t first_damaged(const Lists& lists, std::size_t tokens) {
    const auto is_sound = [&](std::size_t list) {
        const std::uint32_t codes = lists.classes.codes(list % lists.classes.count), postings = lists.counts[list];
        if (postings > codes || lists.offsets[list] < 0 || std::size_t(lists.offsets[list]) > lists.size) return false;
        const std::uint8_t *at = lists.bytes + lists.offsets[list], *const end = lists.end();
        if (is_bitmap(postings, codes)) return bitmap_bytes(codes) <= std::size_t(end - at);
        std::uint64_t next = 0;
        for (std::uint32_t i = 0; i < postings; ++i) {
            if (at == end) return false;
            const std::size_t more = *at < 254 ? 0 : *at == 254 ? 2 : 4;
            std::uint64_t gap = *at++;
            if (more > std::size_t(end - at)) return false;
            if (more) gap = 0;
            for (std::size_t b = 0; b < more; ++b) gap |= std::uint64_t(*at++) << (8 * b);
            next += gap + 1;
            if (next > codes) return false;
        }
        return true;
    };
    std::size_t list = 0;
    for (; list < tokens * lists.classes.count && is_sound(list); ++list)
        Pulse::of_this_thread().beat(2 * lists.counts[list] + 1);
    return list;
}

std::vector<ClassPlan> plan_classes(const Lists& lists, const std::vector<std::uint32_t>& tokens, unsigned radius,
                                    const ListCosts& costs) {
    std::vector<ClassPlan> plans;
    const std::size_t own = tokens.size();
    lists.classes.each_near(own, radius, [&](std::size_t cls) {
        const double codes = double(lists.classes.codes(cls));
        const std::size_t both = own + lists.classes.sizes[cls];
        if (both <= radius)
            return plans.push_back({cls, 0, 0, 0, codes, codes * costs.scan});  // near whatever they share
        // |x ∩ y| >= shared, so a near code has at least shared - (own - p) of any p tokens.
        const std::size_t shared = (both - radius + 1) / 2;
        ClassPlan best{cls, 0, 0, 0, 0, std::numeric_limits<double>::infinity()};
        double postings = 0;
        const auto ordered = by_rarity(lists, tokens, cls);
        for (std::size_t p = 1; p <= own; ++p) {
            postings += lists.count(ordered[p - 1], cls);
            if (shared + p <= own) continue;
            const std::size_t least = shared + p - own;
            const double candidates = codes * at_least(postings / codes, least);
            const double ns = 20.0 * double(p) + costs.posting * postings + candidates * (p < own ? costs.verify : 1.0);
            if (ns < best.ns) best = {cls, p, least, postings, candidates, ns};
        }
        plans.push_back(best);
    });
    return plans;
}

ListSearch::ListSearch(const Lists& lists, const Columns& codes) : lists_(lists), codes_(codes), seen_(window, 0) {}

void ListSearch::compare(const std::uint64_t* query, std::uint32_t position, unsigned radius) {
    unsigned distance = 0;
    for (std::size_t w = 0; w < codes_.words && distance <= radius; ++w)
        distance += unsigned(__builtin_popcountll(query[w] ^ codes_.data[w * codes_.stride + position]));
    if (distance <= radius) found_.push_back({position, std::uint16_t(distance)});
}

void ListSearch::count_gaps(Gaps& gaps, std::uint32_t start, std::uint32_t stop, std::size_t least) {
    Gaps here = gaps;  // a local copy stays in registers
    for (; here.position() < stop; here.step()) reach(std::uint32_t(here.position()), start, least);
    gaps = here;
}

void ListSearch::count_bits(const std::uint8_t* bitmap, std::uint32_t begin, std::uint32_t start, std::uint32_t stop,
                            std::size_t least) {
    for (std::uint32_t place = (start - begin) / 64 * 64; place < stop - begin; place += 64) {
        std::uint64_t bits;
        std::memcpy(&bits, bitmap + place / 8, sizeof bits);
        if (begin + place < start) bits &= ~std::uint64_t(0) << (start - begin - place);
        if (stop - begin - place < 64) bits &= ~(~std::uint64_t(0) << (stop - begin - place));
        for (; bits; bits &= bits - 1) reach(begin + place + std::uint32_t(__builtin_ctzll(bits)), start, least);
    }
}

std::uint64_t ListSearch::search_class(const std::uint64_t* query, const std::vector<std::uint32_t>& tokens,
                                       unsigned radius, const ClassPlan& plan, std::uint64_t& candidates) {
    const std::uint32_t begin = lists_.classes.starts[plan.cls], end = lists_.classes.starts[plan.cls + 1];
    if (plan.least == 0) {
        in_pieces(begin, end, 8, [&](std::size_t from, std::size_t to) {
            for (std::size_t position = from; position < to; ++position)
                compare(query, std::uint32_t(position), radius);
        });
        candidates += end - begin;
        return 0;
    }
    const auto ordered = by_rarity(lists_, tokens, plan.cls);
    const bool counts_tell = plan.lists == tokens.size();
    const std::size_t sizes = tokens.size() + lists_.classes.sizes[plan.cls];
    std::vector<Gaps> gaps;
    std::vector<const std::uint8_t*> bitmaps;
    std::uint64_t read = 0;
    Pulse& pulse = Pulse::of_this_thread();
    for (std::size_t i = 0; i < plan.lists; ++i) {
        const std::uint32_t postings = lists_.count(ordered[i], plan.cls);
        const std::uint8_t* list = lists_.list(ordered[i], plan.cls);
        if (is_bitmap(postings, end - begin) && bitmap_bytes(end - begin) > std::size_t(lists_.end() - list)) continue;
        if (is_bitmap(postings, end - begin)) bitmaps.push_back(list);
        else gaps.emplace_back(lists_, ordered[i], plan.cls);
        read += postings;
    }
    for (std::uint32_t start = begin;;) {
        if (bitmaps.empty()) {
            std::uint64_t first = Gaps::none;
            for (const Gaps& list : gaps) first = std::min(first, list.position());
            start = std::uint32_t(std::min<std::uint64_t>(first, end));
        }
        if (start >= end) return read;
        const std::uint32_t stop = std::uint32_t(std::min<std::size_t>(end, std::size_t(start) + window));
        reached_.clear();
        for (Gaps& list : gaps) count_gaps(list, start, stop, plan.least);
        for (const std::uint8_t* bitmap : bitmaps) count_bits(bitmap, begin, start, stop, plan.least);
        candidates += reached_.size();
        pulse.beat(window + 4 * reached_.size());
        for (const std::uint32_t position : reached_) {
            const std::size_t twice = 2 * std::size_t(seen_[position - start]);
            if (!counts_tell) compare(query, position, radius);
            else if (twice <= sizes) found_.push_back({position, std::uint16_t(sizes - twice)});
        }
        std::fill_n(seen_.begin(), stop - start, 0);
        start = stop;
    }
}

}  // namespace hashcore
