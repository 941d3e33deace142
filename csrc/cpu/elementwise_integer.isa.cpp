// Forward loops of the elementwise rows over the integer types and bool.
#include "cpu/elementwise_kernels.h"

namespace wg {
inline namespace WG_ISA {

void add_integer_kernels(OpKernels* table);
void add_integer_kernels(OpKernels* table) {
#define WG_UNARY_P(name, ...) add_integer_forward<row_##name>(table);
#define WG_BINARY_P(name, ...) add_integer_forward<row_##name>(table);
#define WG_TERNARY_P(name, ...) add_integer_forward<row_##name>(table);
#include "ops/elementwise.def"
}

}  // namespace WG_ISA
}  // namespace wg
