// The plan of a search by tables: how far each table looks around a query, and when a scan is cheaper.
//
// Let the tables have radii r_j ≥ −1 with Σ (r_j + 1) ≥ r + 1. An item that every table misses differs from the query
// by at least r_j + 1 bits in each substring, so by r + 1 bits in all: whatever is within r bits is found (Norouzi et
// al. 2012 use equal radii; any split does, as in Qin et al. 2018). The cheapest split gives one more bit, r + 1 times
// over, to the table whose next ring of buckets costs least; this is optimal as rings grow dearer outwards.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "indexer/native/dense/shard.hpp"

namespace hashcore {

// The buckets exactly some flips away from a query's own, and the entries expected in all of them.
struct Ring {
    double probes, entries;
};

// The ring `flips` flips away, if the ring `known` <= flips holds `entries`: farther buckets are taken to be as full.
// More probes than are worth listing are infinitely dear.
Ring ring_of(std::size_t bits, std::size_t flips, std::size_t known, double entries);

// Expected nanoseconds on one thread; only their ratios matter.
struct Costs {
    double probe, candidate, scan;  // a bucket look-up, an entry compared, the first word of a code scanned

    double of(const Ring& ring) const { return probe * ring.probes + candidate * ring.entries; }
    // A scan of some codes, which seldom looks at words after the first.
    double of_scan(std::size_t codes, std::size_t words) const;
};

constexpr const char* cost_names[] = {"probe", "candidate", "scan"};  // in the order of Costs

// The radii of the tables, -1 for a table left out; all -1: a scan. Probes, candidates and costs are those expected of
// one query. Without tables tables_ns is infinite.
struct DensePlan {
    std::vector<int> radii;
    std::vector<std::uint64_t> probes;
    std::vector<double> candidates;
    double tables_ns, scan_ns;
};

// The cheapest exact plan for a radius. bits[t] are the bits of table t; rings[t * known + i] are the mean entries of
// its buckets i flips away.
DensePlan allocate_radius(unsigned radius, const std::vector<std::size_t>& bits, const double* rings, std::size_t known,
                          std::size_t codes, std::size_t words, const Costs& costs);

// The same for these queries, from the buckets that a sample of them meets.
DensePlan plan_range(const Shard& shard, const Queries& queries, unsigned radius, const Costs& costs);

}  // namespace hashcore
