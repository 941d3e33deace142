#include "dispatch/isa.h"

#include <cstdlib>
#include <cstring>

namespace wg {

namespace {

Isa find_best() noexcept {
    const char* cap = std::getenv("WHYGRAD_CPU_CAPABILITY");
    const auto capped_at = [cap](const char* isa) { return cap && std::strcmp(cap, isa) == 0; };
    if (capped_at("baseline")) return Isa::Baseline;
    // Clang 14 cannot ask for f16c; every processor with AVX2 has it.
    WG_IF_AVX512(if (!capped_at("avx2") && __builtin_cpu_supports("avx512f") &&
                     __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                     __builtin_cpu_supports("avx512vl")) return Isa::Avx512;)
    WG_IF_AVX2(
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return Isa::Avx2;)
    return Isa::Baseline;
}

}  // namespace

Isa best_isa() noexcept {
    static const Isa best = find_best();
    return best;
}

}  // namespace wg
