// Multi-index hashing (Norouzi, Punjani, Fleet 2012) over one shard: exact radius search and k-NN.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "hashcore/native/common/rows.hpp"
#include "hashcore/native/scan/scan.hpp"
#include "indexer/native/common/bucket_kernels.hpp"

namespace hashcore {

// One substring's hash table: the `bits` bits from `shift` of word `word` are the bucket's number. An entry's filter word
// is its code's word `filter_word`; its position says which distinct code it is (null: entry e is code e), and may lie.
struct Table {
    std::size_t word, shift, bits, filter_word;
    Buckets buckets;
    const std::uint32_t* positions;

    std::uint32_t bucket_of(const std::uint64_t* code) const {
        return std::uint32_t(code[word] >> shift) & ((std::uint32_t(1) << bits) - 1);
    }
    std::uint32_t position(std::uint32_t entry) const { return positions ? positions[entry] : entry; }
};

struct Shard {
    Columns codes;  // distinct codes in sorted order
    Rows rows;
    std::vector<Table> tables;
};

// Expected nanoseconds; only their ratios matter, for the choice between tables and scan.
struct Costs {
    double probe, candidate, scan;  // a bucket look-up, an entry compared, a code scanned
};

struct TableWork {
    std::uint64_t probes = 0, candidates = 0, verified = 0;
    double seconds = 0;
};

// How a range search is to be done: table j looks up the buckets within radii[j] (−1: none); exact if sum(radii[j] + 1) >
// radius. Without tables in use, or once they have compared more than max_candidates entries and are not through, it scans.
struct Plan {
    unsigned radius;
    std::vector<int> radii;
    std::uint64_t max_candidates;
    std::size_t max_rows;  // of the whole answer, or TooManyRows is thrown
};

// All rows within plan.radius of each query. `work` has one element a table; `scanned` tells whether it scanned.
HitLists range_search(const Shard& shard, const Queries& queries, const Plan& plan, std::size_t threads, Isa isa,
                      std::vector<TableWork>& work, bool& scanned);

// The k nearest rows within `farthest` of each query (all where there are fewer), by growing the radius until k are certain; what would
// cost more by tables than by a scan is scanned. scanned[q] is set to 1 for queries that were.
HitLists knn_search(const Shard& shard, const Queries& queries, std::size_t k, unsigned farthest, const Costs& costs,
                    std::size_t threads, Isa isa, std::uint8_t* scanned);

// Mean over `queries` of the entries in all buckets exactly `flips` flips away, for each table (row) and flips 0..most.
std::vector<double> mean_candidates(const Shard& shard, const Queries& queries, std::size_t most);

}  // namespace hashcore
