// Arrays across the language border: borrowed views in, owned numpy arrays out.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>
#include <pthread.h>

#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "hashcore/native/common/buffer.hpp"
#include "hashcore/native/scan/hits.hpp"
#include "hashcore/native/common/pulse.hpp"

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

// The number of rows that have ids of either width.
inline std::size_t rows_of(const std::optional<In1<std::uint32_t>>& short_ids,
                           const std::optional<In1<std::int64_t>>& long_ids) {
    return short_ids ? short_ids->shape(0) : long_ids ? long_ids->shape(0) : 0;
}

inline nb::tuple to_numpy(HitLists&& lists) {
    return nb::make_tuple(to_numpy(std::move(lists.offsets)), to_numpy(std::move(lists.ids)),
                          to_numpy(std::move(lists.distances)));
}

// Python's main thread, the only one that signals reach; in a child process, the thread that was forked.
inline unsigned long main_thread = 0;

inline bool was_interrupted() {
    if (PyThread_get_thread_ident() != main_thread) return false;
    nb::gil_scoped_acquire locked;
    return PyErr_CheckSignals() != 0;
}

// Lets work hear Ctrl-C, and what it throws be this project's errors.
inline void prepare_module() {
    main_thread = nb::cast<unsigned long>(nb::module_::import_("threading").attr("main_thread")().attr("ident"));
    pthread_atfork(nullptr, nullptr, [] { main_thread = PyThread_get_thread_ident(); });
    is_interrupted = was_interrupted;
    nb::register_exception_translator([](const std::exception_ptr& thrown, void*) {
        try {
            std::rethrow_exception(thrown);
        } catch (const Interrupted&) {
            if (!PyErr_Occurred())
                PyErr_SetNone(PyExc_KeyboardInterrupt);  // else a signal's handler has said what it was
        } catch (const std::invalid_argument& error) {
            PyErr_SetString(nb::module_::import_("hashcore.errors").attr("InvalidInputError").ptr(), error.what());
        }
    });
}

}  // namespace hashcore
