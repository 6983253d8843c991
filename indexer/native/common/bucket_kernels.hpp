// The inner loops of a bucket look-up, one table of functions for each instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

#include "hashcore/native/common/isa.hpp"
#include "hashcore/native/scan/scan_kernels.hpp"

namespace hashcore {

constexpr unsigned most_bucket_bits = 24;  // of a bucket's number

// A query's way into one table: its bucket, its filter word, and the largest distance of filter words, at most 64.
struct Probe {
    std::uint64_t filter_word;
    std::uint32_t bucket : most_bucket_bits, radius : 8;
    std::uint32_t query;

    Probe() = default;
    Probe(std::uint64_t filter_word, std::uint32_t bucket, unsigned radius, std::uint32_t query)
        : filter_word(filter_word), bucket(bucket & ((1u << most_bucket_bits) - 1)),
          radius(std::uint8_t(radius < 64 ? radius : 64)), query(query) {}
};
static_assert(sizeof(Probe) == 16);

// An entry whose filter word is near enough; its code is still to be compared.
struct Candidate {
    std::uint32_t query;
    std::uint32_t entry;
    std::uint32_t distance;  // of the filter word
};

// A list of candidates. Kernels call reserve() before they write, so a full bucket never writes past the end.
class Candidates {
  public:
    Candidates() = default;
    Candidates(const Candidates&) = delete;
    Candidates& operator=(const Candidates&) = delete;
    ~Candidates();

    void reserve(std::size_t more) {
        if (size_ + more > capacity_) [[unlikely]]
            grow(more);
    }
    void push(Candidate candidate) { data_[size_++] = candidate; }
    void clear() { size_ = 0; }
    std::size_t size() const { return size_; }
    const Candidate& operator[](std::size_t i) const { return data_[i]; }

  private:
    void grow(std::size_t more);
    Candidate* data_ = nullptr;
    std::size_t size_ = 0, capacity_ = 0;
};

// Entries offsets[b]:offsets[b + 1] are those of bucket b; words[e] is the filter word of entry e. Few buckets hold
// more than usual_entries. Offsets of a damaged file may point anywhere: no entry outside is read, and a bucket that
// ends before it begins is empty.
struct Buckets {
    const std::uint32_t* offsets;
    const std::uint64_t* words;
    std::uint32_t entries, usual_entries;

    // The end of a bucket, at most the number of entries.
    std::uint32_t end_within(std::uint32_t end) const { return end < entries ? end : entries; }
};

// A table that has reported every item that differs from the query in at most `differing` bits of the mask.
struct Reported {
    std::uint64_t mask;  // of the filter word
    std::uint32_t differing;
};

// The tables that have reported items before: a look-up leaves these items out.
struct Wanted {
    const Reported* reported;
    std::size_t tables;
};

struct BucketKernels {
    // Looks up bucket ^ base ^ flip for every probe and every flip, probe by probe: for buckets in the cache. Returns
    // the number of entries compared.
    std::uint64_t (*look_up)(const Buckets& buckets, const Probe* probes, std::size_t count, std::uint32_t base,
                             const std::uint32_t* flips, std::size_t flip_count, const Wanted& wanted, Candidates& out);

    // The same, flip by flip and with prefetching: for buckets in memory. It is fastest where probes are in the order
    // of their buckets.
    std::uint64_t (*look_up_far)(const Buckets& buckets, const Probe* probes, std::size_t count,
                                 const std::uint32_t* flips, std::size_t flip_count, const Wanted& wanted,
                                 Candidates& out);
};

const BucketKernels& bucket_kernels(Isa isa);

extern const BucketKernels bucket_kernels_portable;
extern const BucketKernels bucket_kernels_avx2;
extern const BucketKernels bucket_kernels_avx512bw;
extern const BucketKernels bucket_kernels_avx512vpopcntdq;

}  // namespace hashcore
