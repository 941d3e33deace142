// The casts from and to complex dtypes. A complex number becomes its real part, and true where it is not 0.
#include "cpu/cast_loops.h"

namespace wg {
namespace {

cast_impl::CastTable make_table() {
    cast_impl::CastTable table{};
    const auto add = [&]<class A, class B>(A, B) {
        using T = typename A::type;
        using C = typename B::type;
        table.rows[int(dtype_of<C>)][int(dtype_of<T>)] = &cast_run<C, T>;
        table.rows[int(dtype_of<T>)][int(dtype_of<C>)] = &cast_run<T, C>;
    };
#define WG_ROW(E, T, name, legacy, cat)           \
    add(TypeTag<T>{}, TypeTag<Complex<float>>{}); \
    add(TypeTag<T>{}, TypeTag<Complex<double>>{});
    WG_DTYPES(WG_ROW)
#undef WG_ROW
    return table;
}

}  // namespace

const cast_impl::CastTable& complex_cast_table() {
    static const cast_impl::CastTable table = make_table();
    return table;
}

}  // namespace wg
