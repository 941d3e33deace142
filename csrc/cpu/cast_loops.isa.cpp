// The loops behind cast_fn for real dtypes, one per pair, compiled once per instruction set.
#include "cpu/cast_loops.h"

namespace wg {
inline namespace WG_ISA {
namespace {

#define WG_ROW(E, From, name, legacy, cat) row[int(DType::E)] = &cast_run<To, From>;
template <class To>
void fill_row(CastFn* row){WG_REAL_DTYPES(WG_ROW)}
#undef WG_ROW

cast_impl::CastTable make_table() {
    cast_impl::CastTable table{};
#define WG_ROW(E, To, name, legacy, cat) fill_row<To>(table.rows[int(DType::E)]);
    WG_REAL_DTYPES(WG_ROW)
#undef WG_ROW
    return table;
}

}  // namespace

const cast_impl::CastTable& cast_table() {
    static const cast_impl::CastTable table = make_table();
    return table;
}

}  // namespace WG_ISA
}  // namespace wg
