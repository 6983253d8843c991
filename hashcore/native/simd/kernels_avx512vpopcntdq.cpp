// The kernels of a scan, compiled for AVX-512 with VPOPCNTDQ.
#include "hashcore/native/simd/avx512.hpp"

#include "hashcore/native/scan/scan_kernels_impl.hpp"
#include "hashcore/native/scan/histogram_kernel_impl.hpp"

const hashcore::ScanKernels hashcore::scan_kernels_avx512vpopcntdq{filter, histogram};
