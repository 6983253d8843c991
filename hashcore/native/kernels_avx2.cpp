#include "hashcore/native/simd_avx2.hpp"
//
#include "hashcore/native/scan_kernels_impl.hpp"
#include "hashcore/native/histogram_kernel_impl.hpp"

const hashcore::ScanKernels hashcore::scan_kernels_avx2{filter, histogram};
