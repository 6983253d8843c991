// The plan of a search by tables: a greedy split of the radius, and a sample of bucket sizes.
#include "indexer/native/dense/plan.hpp"

#include <algorithm>
#include <limits>

#include "indexer/native/dense/sweep.hpp"

namespace hashcore {

namespace {

constexpr std::uint64_t most_ring_probes = 2'000'000;
constexpr double other_words = 0.1;  // of the cost of a scan's first word: what each word after it adds
constexpr std::size_t most_sampled_queries = 64, most_sampled_rings = 3;
constexpr double never = std::numeric_limits<double>::infinity();

// Ways to choose some of the bits, exactly; where they are more than most_ring_probes, any number above it.
std::uint64_t choose(std::size_t bits, std::size_t flips) {
    if (flips > bits) return 0;
    std::uint64_t ways = 1;
    for (std::size_t i = 0; i < std::min(flips, bits - flips) && ways <= most_ring_probes; ++i)
        ways = ways * (bits - i) / (i + 1);
    return ways;
}

// Mean over the sampled queries of the entries in all buckets exactly `flips` flips away.
double mean_entries(const Table& table, const std::vector<std::uint32_t>& buckets, std::size_t flips) {
    double total = 0;
    const auto every_flip = flips_of(table.bits, flips, flips);
    for (const std::uint32_t own : buckets)
        for (const std::uint32_t flip : every_flip)
            total += table.buckets.offsets[(own ^ flip) + 1] - table.buckets.offsets[own ^ flip];
    return total / double(std::max<std::size_t>(buckets.size(), 1));
}

}  // namespace

Ring ring_of(std::size_t bits, std::size_t flips, std::size_t known, double entries) {
    const std::uint64_t probes = choose(bits, flips);
    if (probes > most_ring_probes) return {double(most_ring_probes), never};
    if (flips == known) return {double(probes), entries};
    return {double(probes), probes == 0 ? 0 : entries * double(probes) / double(choose(bits, known))};
}

double Costs::of_scan(std::size_t codes, std::size_t words) const {
    return scan * double(codes) * (1 + other_words * double(words - 1));
}

DensePlan allocate_radius(unsigned radius, const std::vector<std::size_t>& bits, const double* rings, std::size_t known,
                          std::size_t codes, std::size_t words, const Costs& costs) {
    const std::size_t tables = bits.size();
    const DensePlan nothing{std::vector<int>(tables, -1), std::vector<std::uint64_t>(tables, 0),
                            std::vector<double>(tables, 0.0), 0, costs.of_scan(codes, words)};
    DensePlan plan = nothing;
    std::vector<Ring> next;
    const auto next_ring = [&](std::size_t t) {
        const std::size_t flips = std::size_t(plan.radii[t] + 1), last = std::min(flips, known - 1);
        return ring_of(bits[t], flips, last, rings[t * known + last]);
    };
    for (std::size_t t = 0; t < tables; ++t) next.push_back(next_ring(t));
    for (unsigned bit = 0; bit <= radius; ++bit) {
        const auto cheapest = std::min_element(next.begin(), next.end(),
                                               [&](const Ring& a, const Ring& b) { return costs.of(a) < costs.of(b); });
        const double ns = plan.tables_ns + (cheapest == next.end() ? never : costs.of(*cheapest));
        if (ns > plan.scan_ns) {
            plan = nothing;
            plan.tables_ns = ns;
            return plan;
        }
        const std::size_t t = std::size_t(cheapest - next.begin());
        plan.tables_ns = ns;
        ++plan.radii[t];
        plan.probes[t] += std::uint64_t(cheapest->probes);
        plan.candidates[t] += cheapest->entries;
        *cheapest = next_ring(t);
    }
    return plan;
}

DensePlan plan_range(const Shard& shard, const Queries& queries, unsigned radius, const Costs& costs) {
    const std::size_t known = std::min(radius / std::max<std::size_t>(shard.tables.size(), 1) + 1, most_sampled_rings);
    const std::size_t sampled = std::min(queries.count / most_sampled_queries + 1, most_sampled_queries);
    const std::size_t step = std::max<std::size_t>(queries.count / sampled, 1);
    std::vector<std::size_t> bits;
    std::vector<double> rings;
    std::vector<std::uint32_t> buckets;
    for (const Table& table : shard.tables) {
        bits.push_back(table.bits);
        buckets.clear();
        for (std::size_t q = 0; q < queries.count; q += step)
            buckets.push_back(table.bucket_of(queries.data + q * shard.codes.words));
        for (std::size_t flips = 0; flips < known; ++flips) rings.push_back(mean_entries(table, buckets, flips));
    }
    return allocate_radius(radius, bits, rings.data(), known, shard.codes.count, shard.codes.words, costs);
}

}  // namespace hashcore
