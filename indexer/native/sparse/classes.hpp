// The classes of sparse codes: distinct codes stand in the order of their numbers of set bits.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace hashcore {

// Codes starts[c]:starts[c + 1] have sizes[c] set bits; sizes rise.
struct Classes {
    const std::uint32_t* sizes = nullptr;
    const std::uint32_t* starts = nullptr;
    std::size_t count = 0;

    std::uint32_t codes(std::size_t cls) const { return starts[cls + 1] - starts[cls]; }

    // Calls each(class) for the classes that have codes and may hold some within `radius` of a code with `own` set
    // bits.
    template <class Each>
    void each_near(std::size_t own, unsigned radius, Each&& each) const {
        const std::uint32_t* first =
            std::lower_bound(sizes, sizes + count, std::uint32_t(own > radius ? own - radius : 0));
        for (std::size_t cls = std::size_t(first - sizes); cls < count && sizes[cls] <= own + radius; ++cls)
            if (codes(cls) > 0) each(cls);
    }
};

}  // namespace hashcore
