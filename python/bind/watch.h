// Operations as Python watches them (watch.cpp).
#pragma once

#include <pybind11/pybind11.h>

namespace wg::py {

void add_watch(pybind11::module_& m);

}  // namespace wg::py
