#include "hashcore/native/simd_avx512.hpp"
//
#include "hashcore/native/scan_kernels_impl.hpp"
#include "hashcore/native/histogram_kernel_impl.hpp"

const hashcore::ScanKernels hashcore::scan_kernels_avx512bw{filter, histogram};
