// The bound on the rows of an answer while it is found.
#pragma once

#include <atomic>
#include <cstddef>
#include <vector>

#include "hashcore/native/scan/hits.hpp"
#include "hashcore/native/common/rows.hpp"

namespace hashcore {

// Counts the hits of an answer, each of which is a row at least, but for codes whose rows are all deleted: hits on
// those are dropped before anything is called too much.
class RowLimit {
  public:
    RowLimit(const Rows& rows, std::size_t most) : rows_(rows), most_(most) {}

    // Hits of one task up to which nothing has to be looked at.
    std::size_t first_look() const { return most_; }

    // Looks at the hits of a task that are more than they may be unless some of them have no rows; returns when to look
    // again, far enough away for the cost of looking.
    std::size_t look(Hits& hits) const {
        drop_empty(hits);
        if (hits.size() > most_) throw TooManyRows{hits.size()};
        return most_ + hits.size();
    }

    // Adds the hits of a task that has ended.
    void add(Hits& hits) {
        drop_empty(hits);
        if ((kept_ += hits.size()) > most_) throw TooManyRows{kept_};
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
