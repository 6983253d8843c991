// The probes of many queries into one table: their order, and their look-up in pieces of limited cost.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "indexer/native/common/bucket_kernels.hpp"

namespace hashcore {

// The buckets of a table of `entries` entries; the usual number in a bucket is that of random codes.
Buckets usual_buckets(const std::uint32_t* offsets, const std::uint64_t* words, std::size_t entries, std::size_t bits);

// Probes, and memory to reorder them, kept from pass to pass: fresh memory costs more than sorting.
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

// Looks up far buckets (BucketKernels::look_up_far) in pieces of limited cost, however full the buckets are.
std::uint64_t look_up_in_time(const BucketKernels& kernels, const Buckets& buckets, const Probe* probes,
                              std::size_t count, const std::vector<std::uint32_t>& flips, const Wanted& wanted,
                              Candidates& out);

}  // namespace hashcore
