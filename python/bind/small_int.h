// Python ints of one digit, as nearly all are: read without a call.
#pragma once

#include "python.h"

#if PY_VERSION_HEX < 0x030B0000
#include <longintrepr.h>
#endif

namespace wg::py {

inline bool is_small_int(PyObject* o) noexcept {
#if PY_VERSION_HEX >= 0x030C0000
    return PyLong_CheckExact(o) && PyUnstable_Long_IsCompact(reinterpret_cast<PyLongObject*>(o));
#else
    return PyLong_CheckExact(o) && size_t(Py_SIZE(o) + 1) <= 2;
#endif
}

// Of such a one.
inline int64_t small_int(PyObject* o) noexcept {
    const auto* i = reinterpret_cast<const PyLongObject*>(o);
#if PY_VERSION_HEX >= 0x030C0000
    return PyUnstable_Long_CompactValue(i);
#else
    return Py_SIZE(o) * int64_t(i->ob_digit[0]);
#endif
}

}  // namespace wg::py
