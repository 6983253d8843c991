// The set-up of a native module: long work hears Ctrl-C, and errors become those of hashcore.errors.
#pragma once

#include <nanobind/nanobind.h>
#include <pthread.h>

#include <stdexcept>

#include "hashcore/native/common/pulse.hpp"

namespace hashcore {

namespace nb = nanobind;

// Python's main thread, which alone receives signals; in a child process the thread that forked.
inline unsigned long main_thread = 0;

inline bool was_interrupted() {
    if (PyThread_get_thread_ident() != main_thread) return false;
    nb::gil_scoped_acquire locked;
    return PyErr_CheckSignals() != 0;
}

// To be called once by each module.
inline void prepare_module() {
    main_thread = nb::cast<unsigned long>(nb::module_::import_("threading").attr("main_thread")().attr("ident"));
    pthread_atfork(nullptr, nullptr, [] { main_thread = PyThread_get_thread_ident(); });
    is_interrupted = was_interrupted;
    nb::register_exception_translator([](const std::exception_ptr& thrown, void*) {
        try {
            std::rethrow_exception(thrown);
        } catch (const Interrupted&) {
            if (!PyErr_Occurred())
                PyErr_SetNone(PyExc_KeyboardInterrupt);  // unless a signal handler raised something else
        } catch (const std::invalid_argument& error) {
            PyErr_SetString(nb::module_::import_("hashcore.errors").attr("InvalidInputError").ptr(), error.what());
        }
    });
}

}  // namespace hashcore
