// Instruction sets, and the choice among them at run time.
#pragma once

#include <string>
#include <vector>

namespace hashcore {

enum class Isa { portable, avx2, avx512bw, avx512vpopcntdq };

// The names of those that this processor has, the best last.
std::vector<std::string> available_isas();

// The best instruction set of this processor, or the one that HASHCORE_ISA names.
// Throws std::invalid_argument where HASHCORE_ISA names one that is not available.
Isa chosen_isa();

std::string isa_name(Isa isa);

}  // namespace hashcore
