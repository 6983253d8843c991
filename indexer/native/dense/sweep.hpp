// One pass over one table: every query looks up all buckets a given number of flips away from its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "indexer/native/common/probes.hpp"
#include "indexer/native/dense/shard.hpp"

namespace hashcore {

// Every number of `bits` bits with `lowest`..`highest` bits set, by rising number of set bits.
std::vector<std::uint32_t> flips_of(std::size_t bits, std::size_t lowest, std::size_t highest);

// The buckets that a pass looks up, and the candidates that earlier passes have reported: those that differ in at most
// already[i] bits of the substring of some table i.
struct Pass {
    std::size_t table, lowest, highest;
    std::vector<int> already;
};

inline std::uint64_t substring_mask(const Table& table) {
    return ((std::uint64_t(1) << table.bits) - 1) << table.shift;
}

class Sweep {
  public:
    // Probes are reordered by bucket.
    Sweep(const Shard& shard, const Pass& pass, Probes& probes, const BucketKernels& kernels);

    // The number of tasks, which may run in any order.
    std::size_t tasks() const { return tasks_; }
    // Looks up the buckets of one task; adds what it finds, returns the number of entries compared.
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
