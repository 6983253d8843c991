// What every native module of this project does when it is loaded: it learns to hear Ctrl-C and to raise our errors.
#pragma once

#include <nanobind/nanobind.h>
#include <pthread.h>

#include <stdexcept>

#include "hashcore/native/common/pulse.hpp"

namespace hashcore {

namespace nb = nanobind;

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
