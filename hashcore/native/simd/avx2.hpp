// AVX2: four words a vector; bits counted by nibble look-up (pshufb) and summed by psadbw.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace {

struct Simd {
    static constexpr std::size_t lanes = 4;
    using Vector = __m256i;

    static std::uint64_t count_bits(std::uint64_t x) { return std::uint64_t(_mm_popcnt_u64(x)); }
    static Vector broadcast(std::uint64_t value) { return _mm256_set1_epi64x(static_cast<long long>(value)); }
    static Vector load(const std::uint64_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
    static Vector lanes_of(unsigned mask) {
        const __m256i bit = _mm256_setr_epi64x(1, 2, 4, 8);
        return _mm256_cmpeq_epi64(_mm256_and_si256(broadcast(mask), bit), bit);
    }
    static Vector distance(Vector a, Vector b) {
        const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,  //
                                               0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
        const __m256i nibble = _mm256_set1_epi8(0x0f);
        const __m256i x = _mm256_xor_si256(a, b);
        const __m256i low = _mm256_shuffle_epi8(table, _mm256_and_si256(x, nibble));
        const __m256i high = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(x, 4), nibble));
        return _mm256_sad_epu8(_mm256_add_epi8(low, high), _mm256_setzero_si256());
    }
    static Vector add(Vector a, Vector b) { return _mm256_add_epi64(a, b); }
    static Vector add_where(Vector a, unsigned mask, Vector b) { return add(a, _mm256_and_si256(b, lanes_of(mask))); }
    // Lanes are below 2^15, so 16-bit minima are enough.
    static Vector minimum(Vector a, Vector b) { return _mm256_min_epi16(a, b); }
    static unsigned at_most(Vector a, Vector b) {
        return ~unsigned(_mm256_movemask_pd(_mm256_castsi256_pd(_mm256_cmpgt_epi64(a, b)))) & 0xfu;
    }
    static unsigned overlap(Vector a, Vector b) {
        const __m256i none = _mm256_cmpeq_epi64(_mm256_and_si256(a, b), _mm256_setzero_si256());
        return ~unsigned(_mm256_movemask_pd(_mm256_castsi256_pd(none))) & 0xfu;
    }
    static Vector times_256(Vector v) { return _mm256_slli_epi64(v, 8); }
    static void store_distances(std::uint16_t* out, Vector v) {
        alignas(32) std::uint64_t lane[lanes];
        _mm256_store_si256(reinterpret_cast<__m256i*>(lane), v);
        for (std::size_t i = 0; i < lanes; ++i) out[i] = std::uint16_t(lane[i]);
    }
};

}  // namespace
