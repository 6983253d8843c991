// One pass over one table: far look-ups query by query, or the whole table region by region.
#include "indexer/native/dense/sweep.hpp"

#include <algorithm>
#include <bit>

#include "hashcore/native/common/pulse.hpp"

namespace hashcore {

namespace {

constexpr std::size_t region_bytes = 128 * 1024;  // of entries and offsets, which fit a second-level cache
constexpr std::size_t probes_per_task = 4096;
constexpr std::size_t regions_per_task = 8;
constexpr std::size_t look_ups_at_once = 1 << 16;  // within a region

// Reads an array into the second-level cache.
template <class T>
void fetch(const T* values, std::size_t count) {
    T sum = 0;
    for (std::size_t i = 0; i < count; i += 64 / sizeof(T)) sum += values[i];
    asm volatile("" : : "r"(sum));
}

}  // namespace

std::vector<std::uint32_t> flips_of(std::size_t bits, std::size_t lowest, std::size_t highest) {
    std::vector<std::uint32_t> flips;
    for (std::size_t weight = lowest; weight <= std::min(highest, bits); ++weight) {
        if (weight == 0) {
            flips.push_back(0);
            continue;
        }
        const std::uint64_t end = std::uint64_t(1) << bits;
        for (std::uint64_t flip = (std::uint64_t(1) << weight) - 1; flip < end;) {
            flips.push_back(std::uint32_t(flip));
            const std::uint64_t lowest_bit = flip & (~flip + 1),
                                ripple = flip + lowest_bit;  // the next number with as many bits set
            flip = ripple | (((flip ^ ripple) >> 2) / lowest_bit);
        }
    }
    return flips;
}

Sweep::Sweep(const Shard& shard, const Pass& pass, Probes& probes, const BucketKernels& kernels)
    : table_(shard.tables[pass.table]), pass_(pass), probes_(probes), kernels_(kernels) {
    const Table& table = table_;
    const std::size_t entries = shard.codes.count;
    for (std::size_t t = 0; t < shard.tables.size(); ++t)
        if (pass.already[t] >= 0 && shard.tables[t].word == table.filter_word)
            reported_.push_back({substring_mask(shard.tables[t]), std::uint32_t(pass.already[t])});
    flips_ = flips_of(table.bits, pass.lowest, pass.highest);
    flips_per_probe_ = flips_.size();
    // Sequential reads are much faster than random ones. Where one cache line in eight is wanted, the table is read
    // whole, region by region, each loaded once.
    const std::size_t lines = entries / 8 + (std::size_t(1) << table.bits) / 16;
    by_region_ = probes.size() * flips_per_probe_ >= lines / 8;
    const std::size_t per_bucket = 4 + 8 * std::max<std::size_t>(entries >> table.bits, 1);
    low_bits_ = std::min<std::size_t>(table.bits, std::bit_width(region_bytes / per_bucket));
    high_bits_ = table.bits - low_bits_;
    if (!by_region_) {
        const std::size_t order_bits = std::min<std::size_t>(table.bits, probes.size() < 256 ? 0 : 16);
        probes.order_by_bucket(table.bits - order_bits, order_bits, region_start_);
        tasks_ = (probes.size() + probes_per_task - 1) / probes_per_task;
        return;
    }
    probes.order_by_bucket(low_bits_, high_bits_, region_start_);
    flips_.clear();
    for (std::size_t weight = 0; weight <= std::min(pass.highest, low_bits_); ++weight) {
        weight_start_.push_back(flips_.size());
        const auto some = flips_of(low_bits_, weight, weight);
        flips_.insert(flips_.end(), some.begin(), some.end());
    }
    weight_start_.push_back(flips_.size());
    for (std::size_t weight = 0; weight <= std::min(pass.highest, high_bits_); ++weight)
        high_flips_.push_back(flips_of(high_bits_, weight, weight));
    tasks_ = ((std::size_t(1) << high_bits_) + regions_per_task - 1) / regions_per_task;
}

std::uint64_t Sweep::run(std::size_t task, Candidates& out) const {
    const Wanted wanted{reported_.data(), reported_.size()};
    if (!by_region_) {
        const std::size_t begin = task * probes_per_task, end = std::min(probes_.size(), begin + probes_per_task);
        return look_up_in_time(kernels_, table_.buckets, probes_.data() + begin, end - begin, flips_, wanted, out);
    }
    std::uint64_t compared = 0;
    const std::size_t regions = std::size_t(1) << high_bits_;
    for (std::size_t region = task * regions_per_task; region < std::min(regions, (task + 1) * regions_per_task);
         ++region)
        compared += run_region(region, wanted, out);
    return compared;
}

std::uint64_t Sweep::run_region(std::size_t region, const Wanted& wanted, Candidates& out) const {
    std::uint64_t compared = 0;
    Pulse& pulse = Pulse::of_this_thread();
    const std::uint32_t* offsets = table_.buckets.offsets + (region << low_bits_);
    fetch(offsets, (std::size_t(1) << low_bits_) + 1);
    const std::uint32_t entries_begin = offsets[0],
                        entries_end = table_.buckets.end_within(offsets[std::size_t(1) << low_bits_]);
    if (entries_begin < entries_end) fetch(table_.buckets.words + entries_begin, entries_end - entries_begin);
    for (std::size_t high_weight = 0; high_weight < high_flips_.size(); ++high_weight) {
        const std::size_t lowest = pass_.lowest > high_weight ? pass_.lowest - high_weight : 0;
        const std::size_t highest = std::min(pass_.highest - high_weight, low_bits_);
        if (lowest > highest) continue;
        const std::uint32_t* flips = flips_.data() + weight_start_[lowest];
        const std::size_t flip_count = weight_start_[highest + 1] - weight_start_[lowest];
        for (const std::uint32_t flip : high_flips_[high_weight]) {
            const std::uint32_t begin = region_start_[region ^ flip], end = region_start_[(region ^ flip) + 1];
            if (begin == end) continue;
            const std::size_t piece = std::max<std::size_t>(look_ups_at_once / flip_count, 1);
            for (std::size_t from = begin; from < end; from += piece) {
                const std::size_t count = std::min(piece, end - from);
                const std::uint64_t met =
                    kernels_.look_up(table_.buckets, probes_.data() + from, count,
                                     std::uint32_t(std::size_t(flip) << low_bits_), flips, flip_count, wanted, out);
                pulse.beat(2 * count * flip_count + met / 2);
                compared += met;
            }
        }
    }
    return compared;
}

}  // namespace hashcore
