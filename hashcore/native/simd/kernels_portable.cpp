// The kernels of a scan, compiled for plain C++.
#include "hashcore/native/simd/portable.hpp"

#include "hashcore/native/scan/scan_kernels_impl.hpp"
#include "hashcore/native/scan/histogram_kernel_impl.hpp"

const hashcore::ScanKernels hashcore::scan_kernels_portable{filter, histogram};
