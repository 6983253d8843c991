// AVX-512: eight words a vector; bits counted by VPOPCNTQ where the file is compiled for it, else by nibble look-up.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace {

struct Simd {
    static constexpr std::size_t lanes = 8;
    using Vector = __m512i;

    static std::uint64_t count_bits(std::uint64_t x) { return std::uint64_t(_mm_popcnt_u64(x)); }
    static Vector broadcast(std::uint64_t value) { return _mm512_set1_epi64(static_cast<long long>(value)); }
    static Vector load(const std::uint64_t* p) { return _mm512_loadu_si512(p); }
#if defined(__AVX512VPOPCNTDQ__)
    static Vector distance(Vector a, Vector b) { return _mm512_popcnt_epi64(_mm512_xor_si512(a, b)); }
#else
    static Vector distance(Vector a, Vector b) {
        const __m512i table = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
        const __m512i nibble = _mm512_set1_epi8(0x0f);
        const __m512i x = _mm512_xor_si512(a, b);
        const __m512i low = _mm512_shuffle_epi8(table, _mm512_and_si512(x, nibble));
        const __m512i high = _mm512_shuffle_epi8(table, _mm512_and_si512(_mm512_srli_epi16(x, 4), nibble));
        return _mm512_sad_epu8(_mm512_add_epi8(low, high), _mm512_setzero_si512());
    }
#endif
    static Vector add(Vector a, Vector b) { return _mm512_add_epi64(a, b); }
    static Vector add_where(Vector a, unsigned mask, Vector b) {
        return _mm512_mask_add_epi64(a, static_cast<__mmask8>(mask), a, b);
    }
    static Vector minimum(Vector a, Vector b) { return _mm512_min_epu64(a, b); }
    static unsigned at_most(Vector a, Vector b) { return _mm512_cmple_epu64_mask(a, b); }
    static unsigned overlap(Vector a, Vector b) { return _mm512_test_epi64_mask(a, b); }
    static Vector times_256(Vector v) { return _mm512_slli_epi64(v, 8); }
    static void store_distances(std::uint16_t* out, Vector v) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm512_cvtepi64_epi16(v));
    }
};

}  // namespace
