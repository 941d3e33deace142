// Which instruction set the CPU kernels use: the best one that the machine has.
//
//     WG_DECLARE_PER_ISA(const Kernels& softmax_kernels();)      what every *.isa.cpp defines in WG_ISA
//     const Kernels& kernels = WG_BEST_ISA(softmax_kernels)();
//
// See Note [Instruction sets] in csrc/CMakeLists.txt.
#pragma once

#include <cstdint>

namespace wg {

enum class Isa : uint8_t { Baseline, Avx2, Avx512 };

// WHYGRAD_CPU_CAPABILITY=baseline|avx2|avx512 caps the choice, for tests.
Isa best_isa() noexcept;

}  // namespace wg

#ifdef WG_HAVE_AVX2
#define WG_IF_AVX2(...) __VA_ARGS__
#else
#define WG_IF_AVX2(...)
#endif
#ifdef WG_HAVE_AVX512
#define WG_IF_AVX512(...) __VA_ARGS__
#else
#define WG_IF_AVX512(...)
#endif

#define WG_DECLARE_PER_ISA(...)             \
    namespace baseline {                    \
    __VA_ARGS__                             \
    }                                       \
    WG_IF_AVX2(namespace avx2{__VA_ARGS__}) \
    WG_IF_AVX512(namespace avx512{__VA_ARGS__})

#define WG_BEST_ISA(function)                                             \
    (WG_IF_AVX512(wg::best_isa() == wg::Isa::Avx512 ? avx512::function :) \
         WG_IF_AVX2(wg::best_isa() >= wg::Isa::Avx2 ? avx2::function :) baseline::function)
