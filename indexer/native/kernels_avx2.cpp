#include "hashcore/native/simd_avx2.hpp"
//
#include "hashcore/native/scan_kernels_impl.hpp"
#include "hashcore/native/histogram_kernel_impl.hpp"
#include "indexer/native/bucket_kernels_impl.hpp"

const hashcore::ScanKernels hashcore::scan_kernels_avx2{filter, histogram};
const hashcore::BucketKernels hashcore::bucket_kernels_avx2{look_up, look_up_far};
