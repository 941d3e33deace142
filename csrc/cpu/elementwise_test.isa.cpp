// Loops of the tests and comparisons, over all dtypes.
#include "cpu/elementwise_kernels.h"

namespace wg {
inline namespace WG_ISA {

void add_test_kernels(OpKernels* table);
void add_test_kernels(OpKernels* table) {
#define WG_TEST(name, ...) \
    add_float_forward<row_##name>(table), add_integer_forward<row_##name>(table);
#define WG_COMPARE(name, ...) \
    add_float_forward<row_##name>(table), add_integer_forward<row_##name>(table);
#include "ops/elementwise.def"
}

}  // namespace WG_ISA
}  // namespace wg
