// The module indexer._native: building and searching one shard. Python validates shapes; nothing is checked here.
#include "hashcore/native/common/module.hpp"

namespace hashcore {
void bind_building(nb::module_& m);  // building/module.cpp
void bind_dense(nb::module_& m);     // dense/module.cpp
void bind_sparse(nb::module_& m);    // sparse/module.cpp
}  // namespace hashcore

NB_MODULE(_native, m) {
    m.doc() = "Building and searching one shard; see indexer.structures and indexer.search.";
    hashcore::prepare_module();
    m.attr("sources") = HASHCORE_SOURCES;  // hashcore/machine/native_build.py
    hashcore::bind_building(m);
    hashcore::bind_dense(m);
    hashcore::bind_sparse(m);
}
