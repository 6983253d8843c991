// Arrays of Python: views of those that come in, and numpy arrays that own what goes out.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "hashcore/native/common/buffer.hpp"
#include "hashcore/native/scan/scan.hpp"

namespace hashcore {

namespace nb = nanobind;

template <class T>
using In1 = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using In2 = nb::ndarray<const T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
template <class T>
using Out1 = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using Out2 = nb::ndarray<T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

// Codes column by column, shape (words, n).
inline Columns columns_of(const In2<std::uint64_t>& codes) {
    return {codes.data(), codes.shape(1), codes.shape(0), codes.shape(1)};
}

// Queries row by row, shape (q, words).
inline Queries queries_of(const In2<std::uint64_t>& queries) { return {queries.data(), queries.shape(0)}; }

// A numpy array that owns the memory of a vector or buffer.
template <template <class...> class Sequence, class T>
nb::ndarray<nb::numpy, T, nb::ndim<1>> to_numpy(Sequence<T>&& values) {
    auto* owned = new Sequence<T>(std::move(values));
    nb::capsule owner(owned, [](void* p) noexcept { delete static_cast<Sequence<T>*>(p); });
    return nb::ndarray<nb::numpy, T, nb::ndim<1>>(owned->data(), {owned->size()}, owner);
}

// A tuple of some names.
template <std::size_t count>
nb::tuple to_python(const char* const (&names)[count]) {
    nb::list list;
    for (const char* name : names) list.append(name);
    return nb::tuple(list);
}

inline nb::tuple to_numpy(HitLists&& lists) {
    return nb::make_tuple(to_numpy(std::move(lists.offsets)), to_numpy(std::move(lists.ids)),
                          to_numpy(std::move(lists.distances)));
}

// Does work while other threads may run Python.
template <class Work>
auto unlocked(Work&& work) {
    const nb::gil_scoped_release released;
    return work();
}

// Does the same; returns nothing where the answer has more rows than allowed.
template <class Work>
std::optional<HitLists> answer_unlocked(Work&& work) {
    const nb::gil_scoped_release released;
    try {
        return work();
    } catch (const TooManyRows&) {
        return std::nullopt;
    }
}

}  // namespace hashcore
