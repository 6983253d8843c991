// The inner loops of the linear scan, one table of functions for each instruction set.
//
// Codes lie column by column: word w of item i is columns[w * stride + i]. At small radii the first word alone rejects
// nearly every item, so the other columns are hardly read.
#pragma once

#include <cstddef>
#include <cstdint>

#include "hashcore/native/common/isa.hpp"

namespace hashcore {

// The counters of one block of items: two items share a counter, which 16 bits must hold.
struct HistogramScratch {
    static constexpr std::size_t items = 2 * 65'504, most_bins = 4097;
    std::uint16_t counters[65'536];
    std::uint32_t totals[2 * most_bins];
};

struct ScanKernels {
    // Writes number and distance of each of the first `count` items within `radius` of the query, in item order.
    // Returns how many; both outputs must have room for `count`.
    std::size_t (*filter)(const std::uint64_t* columns, std::size_t stride, std::size_t words, std::size_t count,
                          const std::uint64_t* query, unsigned radius, std::uint32_t* items, std::uint16_t* distances);

    // Adds the first `count` items, at most HistogramScratch::items, to all[distance], and the relevant ones to
    // relevant[distance] too. An item is relevant where its mask and the query's share a bit; mask word w of item i is
    // masks[w * mask_stride + i]. Without masks (mask_words = 0) `relevant` is not touched.
    void (*histogram)(const std::uint64_t* columns, std::size_t stride, std::size_t words, std::size_t count,
                      const std::uint64_t* query, const std::uint64_t* masks, std::size_t mask_stride,
                      std::size_t mask_words, const std::uint64_t* query_mask, std::size_t bins,
                      HistogramScratch& scratch, std::int64_t* all, std::int64_t* relevant);
};

extern const ScanKernels scan_kernels_portable;
extern const ScanKernels scan_kernels_avx2;
extern const ScanKernels scan_kernels_avx512bw;
extern const ScanKernels scan_kernels_avx512vpopcntdq;

// The kernels of an instruction set that this processor has.
const ScanKernels& scan_kernels(Isa isa);

}  // namespace hashcore
