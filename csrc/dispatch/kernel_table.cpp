#include "dispatch/kernel_table.h"

#include <cstdlib>
#include <cstring>

namespace wg {

OpKernels kernel_table[kNumOps];

#define WG_DECLARE_ISA(isa)                      \
    namespace isa {                              \
    void add_forward_kernels(OpKernels* table);  \
    void add_gradient_kernels(OpKernels* table); \
    void add_integer_kernels(OpKernels* table);  \
    void add_test_kernels(OpKernels* table);     \
    }
WG_DECLARE_ISA(baseline)
#ifdef WG_HAVE_AVX2
WG_DECLARE_ISA(avx2)
#endif
#ifdef WG_HAVE_AVX512
WG_DECLARE_ISA(avx512)
#endif

namespace {

const char* capability_ = "baseline";

#define WG_FILL(isa)                         \
    isa::add_forward_kernels(kernel_table);  \
    isa::add_gradient_kernels(kernel_table); \
    isa::add_integer_kernels(kernel_table);  \
    isa::add_test_kernels(kernel_table);     \
    capability_ = #isa;

// WHYGRAD_CPU_CAPABILITY=baseline|avx2|avx512 caps the choice, for tests.
bool allowed(const char* isa) {
    const char* cap = std::getenv("WHYGRAD_CPU_CAPABILITY");
    if (!cap) return true;
    if (std::strcmp(cap, "baseline") == 0) return false;
    return std::strcmp(cap, "avx2") != 0 || std::strcmp(isa, "avx2") == 0;
}

const bool filled_ = [] {
#ifdef WG_HAVE_AVX512
    if (allowed("avx512") && __builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl")) {
        WG_FILL(avx512)
        return true;
    }
#endif
#ifdef WG_HAVE_AVX2
    if (allowed("avx2") && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        WG_FILL(avx2)
        return true;
    }
#endif
    WG_FILL(baseline)
    return true;
}();

}  // namespace

const char* cpu_capability() noexcept { return capability_; }

}  // namespace wg
