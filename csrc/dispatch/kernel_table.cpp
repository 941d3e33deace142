#include "dispatch/kernel_table.h"

#include "dispatch/isa.h"

namespace wg {

OpKernels kernel_table[kNumOps];

WG_DECLARE_PER_ISA(void add_forward_kernels(OpKernels* table);
                   void add_gradient_kernels(OpKernels* table);
                   void add_integer_kernels(OpKernels* table);
                   void add_test_kernels(OpKernels* table);)

void add_complex_kernels(OpKernels* table);

namespace {

const bool filled_ = [] {
    WG_BEST_ISA(add_forward_kernels)(kernel_table);
    WG_BEST_ISA(add_gradient_kernels)(kernel_table);
    WG_BEST_ISA(add_integer_kernels)(kernel_table);
    WG_BEST_ISA(add_test_kernels)(kernel_table);
    add_complex_kernels(kernel_table);
    return true;
}();

}  // namespace

const char* cpu_capability() noexcept {
    static constexpr const char* names[] = {"baseline", "avx2", "avx512"};
    return names[int(best_isa())];
}

}  // namespace wg
