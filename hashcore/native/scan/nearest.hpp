// The nearest items seen so far of one query.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "hashcore/native/common/pulse.hpp"

namespace hashcore {

enum class Ties {
    first,  // of equal distances the first ones, as items arrive by rising number
    all,    // every item as near as the k-th: the caller decides among them
};

// The k nearest items. An item counts `weight` times, because several rows may carry a code. Items farther than
// radius() cannot be among the k nearest; the radius falls as items are added.
class Nearest {
  public:
    struct Found {
        std::uint32_t item, weight;
        std::uint16_t distance;
    };

    Nearest(std::size_t k, unsigned farthest, Ties ties) : k_(k), radius_(int(farthest)), ties_(ties) {}

    int radius() const { return radius_; }
    bool has_k() const { return has_k_; }
    std::size_t k() const { return k_; }

    void add(std::uint32_t item, std::uint16_t distance, std::uint32_t weight = 1) {
        if (int(distance) > radius_) return;
        found_.push_back({item, weight, distance});
        added_ += weight;
        if (added_ >= (has_k_ ? std::max<std::size_t>(k_ / 2, 1) : k_)) shrink();
    }

    // Returns the items kept, in no order.
    const std::vector<Found>& found() {
        shrink();
        return found_;
    }

  private:
    [[gnu::noinline]] void shrink() {
        sort_in_time(found_.begin(), found_.end(), [](const Found& a, const Found& b) {
            return a.distance != b.distance ? a.distance < b.distance : a.item < b.item;
        });
        std::size_t seen = 0, kept = 0;
        while (kept < found_.size() && seen < k_) seen += found_[kept++].weight;
        added_ = has_k_ ? 0 : seen;
        if (seen < k_) return;
        added_ = 0;
        has_k_ = true;
        const int kth = found_[kept - 1].distance;
        if (ties_ == Ties::all)
            while (kept < found_.size() && found_[kept].distance == kth) ++kept;
        radius_ = ties_ == Ties::all ? kth : kth - 1;
        found_.resize(kept);
    }

    std::size_t k_, added_ = 0;
    int radius_;
    Ties ties_;
    bool has_k_ = false;
    std::vector<Found> found_;
};

}  // namespace hashcore
