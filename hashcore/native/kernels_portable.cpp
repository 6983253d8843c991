#include "hashcore/native/simd_portable.hpp"
//
#include "hashcore/native/scan_kernels_impl.hpp"
#include "hashcore/native/histogram_kernel_impl.hpp"

const hashcore::ScanKernels hashcore::scan_kernels_portable{filter, histogram};
