#include "indexer/native/lists.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "hashcore/native/parallel.hpp"

namespace hashcore {

namespace {

constexpr std::size_t window = 4096;  // positions counted at a time: their counters stay in the first-level cache

// Calls each(token, class, gap) for every posting of the 64 tokens of one word, in the order of positions.
template <class Each>
void each_posting(const Columns& codes, const std::uint32_t* starts, std::size_t classes, std::size_t word, Each&& each) {
    const std::uint64_t* column = codes.data + word * codes.stride;
    for (std::size_t c = 0; c < classes; ++c) {
        std::uint32_t next[64];
        std::fill_n(next, 64, starts[c]);
        for (std::uint32_t position = starts[c]; position < starts[c + 1]; ++position)
            for (std::uint64_t bits = column[position]; bits; bits &= bits - 1) {
                const unsigned bit = unsigned(__builtin_ctzll(bits));
                each(64 * word + bit, c, position - next[bit]);
                next[bit] = position + 1;
            }
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

// The chance of at least `least` events where `mean` are expected, if they are independent and rare.
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
    const auto count = [&](std::uint32_t token) { return lists.counts[token * lists.classes + cls]; };
    std::sort(ordered.begin(), ordered.end(), [&](std::uint32_t a, std::uint32_t b) { return count(a) != count(b) ? count(a) < count(b) : a < b; });
    return ordered;
}

}  // namespace

void measure_lists(const Columns& codes, const std::uint32_t* starts, std::size_t classes, std::size_t tokens,
                   std::uint32_t* counts, std::int64_t* bytes, std::size_t threads) {
    std::fill_n(counts, tokens * classes, 0);
    std::fill_n(bytes, tokens * classes, 0);
    parallel_for(codes.words, threads, [&](std::size_t word) {
        each_posting(codes, starts, classes, word, [&](std::size_t token, std::size_t c, std::uint32_t gap) {
            ++counts[token * classes + c];
            bytes[token * classes + c] += std::int64_t(gap_bytes(gap));
        });
    });
}

void fill_lists(const Columns& codes, const std::uint32_t* starts, std::size_t classes, std::size_t tokens,
                const std::int64_t* offsets, std::uint8_t* gaps, std::size_t threads) {
    parallel_for(codes.words, threads, [&](std::size_t word) {
        const std::size_t first = 64 * word, count = std::min<std::size_t>(tokens - first, 64) * classes;
        std::vector<std::uint8_t*> next(count);
        for (std::size_t i = 0; i < count; ++i) next[i] = gaps + offsets[first * classes + i];
        each_posting(codes, starts, classes, word, [&](std::size_t token, std::size_t c, std::uint32_t gap) {
            std::uint8_t*& to = next[(token - first) * classes + c];
            to = write_gap(to, gap);
        });
    });
}

std::vector<ClassPlan> plan_classes(const Lists& lists, const std::vector<std::uint32_t>& tokens, unsigned radius, const ListCosts& costs) {
    std::vector<ClassPlan> plans;
    const std::size_t own = tokens.size();
    const std::uint32_t* end = lists.sizes + lists.classes;
    const std::uint32_t* first = std::lower_bound(lists.sizes, end, std::uint32_t(own > radius ? own - radius : 0));
    for (const std::uint32_t* size = first; size < end && *size <= own + radius; ++size) {
        const std::size_t cls = std::size_t(size - lists.sizes);
        const double codes = double(lists.starts[cls + 1] - lists.starts[cls]);
        if (own + *size <= radius) {  // they differ by no more, whatever they share
            plans.push_back({cls, 0, 0, 0, codes, codes * costs.scan});
            continue;
        }
        // |x ∩ y| ≥ shared, so of any p tokens at least shared − (own − p) are met.
        const std::size_t shared = (own + *size - radius + 1) / 2;
        ClassPlan best{cls, 0, 0, 0, 0, std::numeric_limits<double>::infinity()};
        double postings = 0;
        const auto ordered = by_rarity(lists, tokens, cls);
        for (std::size_t p = 1; p <= own; ++p) {
            postings += lists.counts[ordered[p - 1] * lists.classes + cls];
            if (shared + p <= own) continue;
            const std::size_t least = shared + p - own;
            const double candidates = codes * at_least(postings / codes, least);
            const double ns = 20.0 * double(p) + costs.posting * postings + candidates * (p < own ? costs.verify : 1.0);
            if (ns < best.ns) best = {cls, p, least, postings, candidates, ns};
        }
        plans.push_back(best);
    }
    return plans;
}

ListSearch::ListSearch(const Lists& lists, const Columns& codes) : lists_(lists), codes_(codes), seen_(window, 0) {}

void ListSearch::compare(const std::uint64_t* query, std::uint32_t position, unsigned radius) {
    unsigned distance = 0;
    for (std::size_t w = 0; w < codes_.words && distance <= radius; ++w)
        distance += unsigned(__builtin_popcountll(query[w] ^ codes_.data[w * codes_.stride + position]));
    if (distance <= radius) found_.push_back({position, std::uint16_t(distance)});
}

std::uint64_t ListSearch::search_class(const std::uint64_t* query, const std::vector<std::uint32_t>& tokens, unsigned radius,
                                       const ClassPlan& plan, std::uint64_t& candidates) {
    const std::uint32_t begin = lists_.starts[plan.cls], end = lists_.starts[plan.cls + 1];
    if (plan.least == 0) {
        for (std::uint32_t position = begin; position < end; ++position) compare(query, position, radius);
        candidates += end - begin;
        return 0;
    }
    const auto ordered = by_rarity(lists_, tokens, plan.cls);
    const bool counts_tell = plan.lists == tokens.size();
    const std::size_t sizes = tokens.size() + lists_.sizes[plan.cls];
    std::vector<Postings> cursors;
    std::uint64_t read = 0;
    for (std::size_t i = 0; i < plan.lists; ++i) {
        cursors.emplace_back(lists_, ordered[i], plan.cls);
        read += lists_.counts[ordered[i] * lists_.classes + plan.cls];
    }
    for (;;) {
        std::uint32_t start = Postings::none;
        for (const Postings& cursor : cursors) start = std::min(start, cursor.position());
        if (start == Postings::none) return read;
        const std::uint32_t stop = std::uint32_t(std::min<std::size_t>(end, std::size_t(start) + window));
        reached_.clear();
        for (Postings& cursor : cursors) {
            Postings here = cursor;  // a copy, that it may live in registers
            for (; here.position() < stop; here.step())
                if (++seen_[here.position() - start] == plan.least) reached_.push_back(here.position());
            cursor = here;
        }
        candidates += reached_.size();
        for (const std::uint32_t position : reached_) {
            if (counts_tell) found_.push_back({position, std::uint16_t(sizes - 2 * seen_[position - start])});
            else compare(query, position, radius);
        }
        std::fill_n(seen_.begin(), stop - start, 0);
    }
}

}  // namespace hashcore
