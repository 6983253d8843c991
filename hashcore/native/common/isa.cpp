// The instruction sets that this processor has, and the one to use.
#include "hashcore/native/common/isa.hpp"

#include <cstdlib>
#include <stdexcept>

namespace hashcore {

namespace {

constexpr Isa every_isa[] = {Isa::portable, Isa::avx2, Isa::avx512bw, Isa::avx512vpopcntdq};

bool is_available(Isa isa) {
#if defined(__x86_64__)
    switch (isa) {
        case Isa::portable: return true;
        case Isa::avx2: return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
        case Isa::avx512bw:
            return is_available(Isa::avx2) && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                   __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
        case Isa::avx512vpopcntdq: return is_available(Isa::avx512bw) && __builtin_cpu_supports("avx512vpopcntdq");
    }
#endif
    return isa == Isa::portable;
}

}  // namespace

std::string isa_name(Isa isa) {
    switch (isa) {
        case Isa::avx2: return "avx2";
        case Isa::avx512bw: return "avx512bw";
        case Isa::avx512vpopcntdq: return "avx512vpopcntdq";
        default: return "portable";
    }
}

std::vector<std::string> available_isas() {
    std::vector<std::string> names;
    for (Isa isa : every_isa)
        if (is_available(isa)) names.push_back(isa_name(isa));
    return names;
}

Isa chosen_isa() {
    const char* wanted = std::getenv("HASHCORE_ISA");
    Isa best = Isa::portable;
    std::string names;
    for (Isa isa : every_isa) {
        if (!is_available(isa)) continue;
        if (wanted && isa_name(isa) == wanted) return isa;
        names += (names.empty() ? "" : ", ") + isa_name(isa);
        best = isa;
    }
    if (wanted && *wanted)
        throw std::invalid_argument("HASHCORE_ISA=" + std::string(wanted) + " is not available here; use one of " +
                                    names);
    return best;
}

}  // namespace hashcore
