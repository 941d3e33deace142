#include "cpu/cast.h"

#include "dispatch/isa.h"

namespace wg {

WG_DECLARE_PER_ISA(const cast_impl::CastTable& cast_table();)

const cast_impl::CastTable& complex_cast_table();

CastFn cast_fn(DType to, DType from) {
    if (is_complex(to) || is_complex(from)) [[unlikely]]
        return complex_cast_table().rows[size_t(to)][size_t(from)];
    static const cast_impl::CastTable& table = WG_BEST_ISA(cast_table)();
    return table.rows[size_t(to)][size_t(from)];
}

}  // namespace wg
