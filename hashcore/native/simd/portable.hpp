// Plain C++ "vectors" of four words; the compiler may use whatever the base instruction set offers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace {

struct Simd {
    static constexpr std::size_t lanes = 4;
    struct Vector {
        std::uint64_t lane[lanes];
    };

    static std::uint64_t count_bits(std::uint64_t x) {
        x -= (x >> 1) & 0x5555555555555555u;
        x = (x & 0x3333333333333333u) + ((x >> 2) & 0x3333333333333333u);
        return (((x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fu) * 0x0101010101010101u) >> 56;
    }
    static Vector broadcast(std::uint64_t value) { return {{value, value, value, value}}; }
    static Vector load(const std::uint64_t* p) { return {{p[0], p[1], p[2], p[3]}}; }
    static Vector distance(Vector a, Vector b) {
        for (std::size_t i = 0; i < lanes; ++i) a.lane[i] = count_bits(a.lane[i] ^ b.lane[i]);
        return a;
    }
    static Vector add(Vector a, Vector b) {
        for (std::size_t i = 0; i < lanes; ++i) a.lane[i] += b.lane[i];
        return a;
    }
    // a + b in the lanes whose bit of the mask is set, a in the others.
    static Vector add_where(Vector a, unsigned mask, Vector b) {
        for (std::size_t i = 0; i < lanes; ++i) a.lane[i] += (mask >> i & 1) ? b.lane[i] : 0;
        return a;
    }
    static Vector minimum(Vector a, Vector b) {
        for (std::size_t i = 0; i < lanes; ++i) a.lane[i] = a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i];
        return a;
    }
    // Bit i of the result is set where lane i of a is at most lane i of b.
    static unsigned at_most(Vector a, Vector b) {
        unsigned mask = 0;
        for (std::size_t i = 0; i < lanes; ++i) mask |= unsigned(a.lane[i] <= b.lane[i]) << i;
        return mask;
    }
    // Bit i of the result is set where lanes i of a and b share a bit.
    static unsigned overlap(Vector a, Vector b) {
        unsigned mask = 0;
        for (std::size_t i = 0; i < lanes; ++i) mask |= unsigned((a.lane[i] & b.lane[i]) != 0) << i;
        return mask;
    }
    static Vector times_256(Vector v) {
        for (std::size_t i = 0; i < lanes; ++i) v.lane[i] <<= 8;
        return v;
    }
    static void store_distances(std::uint16_t* out, Vector v) {
        for (std::size_t i = 0; i < lanes; ++i) out[i] = std::uint16_t(v.lane[i]);
    }
};

}  // namespace
