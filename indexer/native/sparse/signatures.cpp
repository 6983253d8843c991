// Block signatures: signing codes, and the split of a radius over the blocks.
#include "indexer/native/sparse/signatures.hpp"

#include <algorithm>
#include <limits>
#include <mutex>

#include "hashcore/native/common/parallel.hpp"

namespace hashcore {

namespace {

constexpr std::size_t codes_per_task = 1 << 16;
constexpr double most_probes = 2'000'000;  // of a ring: more are dearer than any scan
constexpr std::size_t most_sampled = 16;   // set bits of a block that planning removes in turn

// The rings of one block around one query's bucket, estimated on demand.
class Rings {
  public:
    Rings(const Block& block, const std::uint64_t* query, double mean_bits) : block_(block), mean_bits_(mean_bits) {
        std::uint32_t key = 0;
        each_bit(query, block.begin, block.end, [&](std::size_t bit) {
            const std::uint32_t word = block.words[bit - block.begin];
            key ^= word;
            if (own_.size() < most_sampled) own_.push_back(word);
            ++set_;
        });
        bucket_ = key;
    }

    // Entries in the buckets exactly `flips` flips away. Removing bits leads to fuller buckets, which are looked up.
    // Adding bits leads to emptier ones: codes that have all of the query's bits of this block and one more are about
    // as many as its own bucket holds, times the bits that a code has here. Random codes share every bucket besides.
    double entries(int flips) {
        const double strangers =
            ring_probes(block_, flips) * double(block_.buckets.entries) / double(std::size_t(1) << block_.bits);
        const double own = block_.bucket_size(bucket_);
        if (flips == 0) return own;
        if (removed_ < 0) removed_ = one_removed();
        if (flips == 1) return strangers + removed_ + own * mean_bits_;
        return strangers + two_removed() + removed_ * mean_bits_ + own * mean_bits_ * mean_bits_ / 2;
    }

  private:
    double one_removed() const {
        double total = 0;
        for (const std::uint32_t word : own_) total += block_.bucket_size(bucket_ ^ word);
        return own_.empty() ? 0 : total * double(set_) / double(own_.size());
    }
    double two_removed() const {
        double total = 0, pairs = 0;
        for (std::size_t i = 0; i < own_.size(); ++i)
            for (std::size_t j = 0; j < i; ++j, ++pairs) total += block_.bucket_size(bucket_ ^ own_[i] ^ own_[j]);
        return pairs == 0 ? 0 : total * double(set_) * double(set_ - 1) / 2 / pairs;
    }

    const Block& block_;
    double mean_bits_;
    std::vector<std::uint32_t> own_;
    std::size_t set_ = 0;
    std::uint32_t bucket_ = 0;
    double removed_ = -1;
};

}  // namespace

std::uint32_t signature_word(std::size_t bit, std::size_t bits) {
    return std::uint32_t(random_word(bit) >> (64 - bits));
}

void sign(const Columns& codes, std::size_t begin, std::size_t end, std::size_t bits, std::uint64_t* keys,
          std::size_t threads) {
    const Block block(begin, end, bits, {}, nullptr);
    parallel_for((codes.count + codes_per_task - 1) / codes_per_task, threads, [&](std::size_t task) {
        std::vector<std::uint64_t> code(codes.words, 0);
        in_pieces(task * codes_per_task, std::min(codes.count, (task + 1) * codes_per_task), end - begin,
                  [&](std::size_t from, std::size_t to) {
            for (std::size_t i = from; i < to; ++i) {
                for (std::size_t w = begin / 64; w * 64 < end; ++w) code[w] = codes.data[w * codes.stride + i];
                keys[i] = block.bucket_of(code.data());
            }
        });
    });
}

Block::Block(std::size_t begin, std::size_t end, std::size_t bits, Buckets buckets, const std::uint32_t* positions)
    : begin(begin), end(end), bits(bits), buckets(buckets), positions(positions) {
    for (std::size_t bit = begin; bit < end; ++bit) words.push_back(signature_word(bit, bits));
}

const std::vector<std::uint32_t>& Block::flips(int flips) const {
    static std::mutex making;
    const std::lock_guard lock(making);
    std::vector<std::uint32_t>& kept = flips_[std::size_t(flips)];
    if (!kept.empty()) return kept;
    std::vector<std::uint32_t> found{0};
    std::vector<std::size_t> next{0};  // the first word that may still be added to found[i]
    for (std::size_t begin = 0; flips > 0; --flips) {
        const std::size_t end = found.size();
        for (std::size_t i = begin; i < end; ++i)
            for (std::size_t word = next[i]; word < words.size(); ++word) {
                found.push_back(found[i] ^ words[word]);
                next.push_back(word + 1);
            }
        begin = end;
    }
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return kept = std::move(found);
}

double ring_probes(const Block& block, int flips) {
    double probes = 1;
    for (int i = 0; i < flips; ++i)
        probes *= double(block.width() - std::min<std::size_t>(std::size_t(i), block.width())) / double(i + 1);
    return probes;
}

Allocation allocate(const std::vector<Block>& blocks, const std::uint64_t* query, unsigned radius, double probe_ns,
                    double entry_ns) {
    constexpr double never = std::numeric_limits<double>::infinity();
    Allocation plan;
    std::fill(std::begin(plan.radii), std::end(plan.radii), std::int8_t(-1));
    if (radius + 1 > blocks.size() * (most_flips + 1)) {
        plan.ns = never;
        return plan;
    }
    std::size_t set_bits = 0;
    each_bit(query, blocks.front().begin, blocks.back().end, [&](std::size_t) { ++set_bits; });
    std::vector<Rings> rings;
    double probes[most_blocks], entries[most_blocks];
    const auto look_ahead = [&](std::size_t j) {
        const int flips = plan.radii[j] + 1;
        probes[j] = ring_probes(blocks[j], flips), entries[j] = 0;
        if (probes[j] == 0) return;  // the block has fewer bits
        if (flips > most_flips || probes[j] > most_probes) probes[j] = never;
        else entries[j] = rings[j].entries(flips);
    };
    for (std::size_t j = 0; j < blocks.size(); ++j) {
        rings.emplace_back(blocks[j], query, double(set_bits) / double(blocks.size()));
        look_ahead(j);
    }
    for (unsigned bit = 0; bit <= radius; ++bit) {
        const auto cost = [&](std::size_t j) { return probe_ns * probes[j] + entry_ns * entries[j]; };
        std::size_t best = 0;
        for (std::size_t j = 1; j < blocks.size(); ++j)
            if (cost(j) < cost(best)) best = j;
        if (probes[best] == never) {
            plan.ns = never;
            return plan;
        }
        plan.ns += cost(best);
        plan.entries[best] += entries[best];
        ++plan.radii[best];
        if (bit < radius) look_ahead(best);
    }
    return plan;
}

}  // namespace hashcore
