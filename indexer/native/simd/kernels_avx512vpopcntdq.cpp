// The kernels of a scan and of bucket look-ups, compiled for AVX-512 with VPOPCNTDQ.
#include "hashcore/native/simd/avx512.hpp"

#include "hashcore/native/scan/scan_kernels_impl.hpp"
#include "hashcore/native/scan/histogram_kernel_impl.hpp"
#include "indexer/native/common/bucket_kernels_impl.hpp"

const hashcore::ScanKernels hashcore::scan_kernels_avx512vpopcntdq{filter, histogram};
const hashcore::BucketKernels hashcore::bucket_kernels_avx512vpopcntdq{look_up, look_up_far};
