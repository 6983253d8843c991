// One pass over one table: every query looks up all buckets a given number of flips away from its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "indexer/native/dense/search.hpp"

namespace hashcore {

// Every number of `bits` bits with `lowest`..`highest` bits set, by rising number of set bits.
std::vector<std::uint32_t> flips_of(std::size_t bits, std::size_t lowest, std::size_t highest);

// The buckets of a table of `entries` entries, as full as chance would make them.
Buckets usual_buckets(const std::uint32_t* offsets, const std::uint64_t* words, std::size_t entries, std::size_t bits);

// Which buckets a pass looks up, and which candidates earlier passes have already reported: those with at most
// already[i] differing bits in the substring of some table i (the first table that would find an item reports it).
struct Pass {
    std::size_t table, lowest, highest;
    std::vector<int> already;
};

// Probes, and the room to reorder them; kept from pass to pass, as fresh memory costs more than sorting.
class Probes {
  public:
    void clear(std::size_t expected) {
        probes_.clear();
        probes_.reserve(expected);
    }
    void push_back(const Probe& probe) { probes_.push_back(probe); }
    std::size_t size() const { return probes_.size(); }
    const Probe* data() const { return probes_.data(); }

    // Orders by bucket >> shift, a number of `bits` bits; starts[v] is the first probe whose value is at least v.
    void order_by_bucket(std::size_t shift, std::size_t bits, std::vector<std::uint32_t>& starts);

  private:
    std::vector<Probe> probes_, ordered_;
    std::vector<std::uint32_t> next_;
};

inline std::uint64_t substring_mask(const Table& table) {
    return ((std::uint64_t(1) << table.bits) - 1) << table.shift;
}

// Looks up buckets far away (BucketKernels::look_up_far) in pieces of bounded cost, whatever the buckets hold.
std::uint64_t look_up_in_time(const BucketKernels& kernels, const Buckets& buckets, const Probe* probes,
                              std::size_t count, const std::vector<std::uint32_t>& flips, const Wanted& wanted,
                              Candidates& out);

class Sweep {
  public:
    // Probes are reordered by bucket.
    Sweep(const Shard& shard, const Pass& pass, Probes& probes, const BucketKernels& kernels);

    // A sweep is cut into tasks that may run in any order.
    std::size_t tasks() const { return tasks_; }
    // Look-ups of one task; adds what was found, returns the number of entries compared.
    std::uint64_t run(std::size_t task, Candidates& out) const;
    std::uint64_t probes() const { return std::uint64_t(probes_.size()) * flips_per_probe_; }

  private:
    std::uint64_t run_region(std::size_t region, const Wanted& wanted, Candidates& out) const;

    const Table& table_;
    const Pass& pass_;
    const Probes& probes_;
    const BucketKernels& kernels_;
    std::size_t low_bits_ = 0, high_bits_ = 0, tasks_ = 0, flips_per_probe_ = 0;
    bool by_region_ = false;
    std::vector<Reported> reported_;         // by tables of the same filter word
    std::vector<std::uint32_t> flips_;       // far look-ups: all flips; by region: flips of the low bits, by weight
    std::vector<std::size_t> weight_start_;  // flips_[weight_start_[w]:weight_start_[w + 1]] have w bits set
    std::vector<std::vector<std::uint32_t>> high_flips_;  // by weight
    std::vector<std::uint32_t> region_start_;  // probes of region h are region_start_[h]:region_start_[h + 1]
};

}  // namespace hashcore
