// The kernels of a scan, compiled for AVX2.
#include "hashcore/native/simd/avx2.hpp"

#include "hashcore/native/scan/scan_kernels_impl.hpp"
#include "hashcore/native/scan/histogram_kernel_impl.hpp"

const hashcore::ScanKernels hashcore::scan_kernels_avx2{filter, histogram};
