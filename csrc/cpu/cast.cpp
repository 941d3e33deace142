#include "cpu/cast.h"

namespace wg {
namespace {

const cast_impl::CastTable& best_table() {
#if defined(WG_HAVE_AVX512)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return cast_impl::cast_table_avx512();
#endif
#if defined(WG_HAVE_AVX2)
    // Clang 14 cannot ask for f16c; every processor with AVX2 has it.
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return cast_impl::cast_table_avx2();
#endif
    return cast_impl::cast_table_baseline();
}

}  // namespace

CastFn cast_fn(DType to, DType from) {
    static const cast_impl::CastTable& table = best_table();
    return table.rows[size_t(to)][size_t(from)];
}

}  // namespace wg
