// The limit on the rows of an answer, kept while the answer is found.
#pragma once

#include <atomic>
#include <cstddef>
#include <vector>

#include "hashcore/native/scan/hits.hpp"
#include "hashcore/native/common/rows.hpp"

namespace hashcore {

// Counts the hits of an answer. Each is at least one row, except on codes whose rows are all deleted: such hits are
// dropped before the answer is called too large.
class RowLimit {
  public:
    RowLimit(const Rows& rows, std::size_t most) : rows_(rows), most_(most) {}

    // Returns how many hits a task may have before it must call look().
    std::size_t first_look() const { return most_; }

    // Drops hits without rows; throws TooManyRows if too many are left. Returns how many hits the task may have before
    // the next look, enough to keep looking cheap.
    std::size_t look(Hits& hits) const {
        drop_empty(hits);
        if (hits.size() > most_) throw TooManyRows{};
        return most_ + hits.size();
    }

    // Counts the hits of a task that has ended.
    void add(Hits& hits) {
        drop_empty(hits);
        if ((kept_ += hits.size()) > most_) throw TooManyRows{};
    }

    void restart() { kept_ = 0; }

  private:
    void drop_empty(Hits& hits) const {
        if (rows_.some_empty) std::erase_if(hits, [&](const Hit& hit) { return rows_.count(hit.position) == 0; });
    }

    const Rows& rows_;
    const std::size_t most_;
    std::atomic<std::size_t> kept_{0};
};

}  // namespace hashcore
