// The extension module whygrad._C: puts the parts together; what is cold is written with pybind11.
#include <pybind11/pybind11.h>

#include "base/error.h"
#include "collector.h"
#include "cpu/thread_pool.h"
#include "dispatch/kernel_table.h"
#include "graph.h"
#include "hooks.h"
#include "node_type.h"
#include "ops/functions.h"
#include "override.h"
#include "profiler.h"
#include "python.h"
#include "storage.h"
#include "tensor/allocator.h"
#include "watch.h"

namespace wg::py {

void add_runtime_errors();
void add_dropin(PyObject* module);

namespace {

pybind11::dict memory_stats_dict() {
    const MemoryStats s = memory_stats();
    pybind11::dict d;
    d["allocated_bytes.current"] = s.allocated;
    d["allocated_bytes.peak"] = s.peak_allocated;
    d["reserved_bytes.current"] = s.reserved;
    d["reserved_bytes.peak"] = s.peak_reserved;
    d["num_allocs"] = s.allocations;
    d["num_frees"] = s.deallocations;
    d["num_cache_hits"] = s.cache_hits;
    return d;
}

const char* dtypes_text(DTypes d) {
    switch (d) {
    case DTypes::FLOATS: return "FLOATS";
    case DTypes::FLOATS_ONLY: return "FLOATS_ONLY";
    case DTypes::NUMBERS: return "NUMBERS";
    case DTypes::ALL: return "ALL";
    case DTypes::INTEGRAL: return "INTEGRAL";
    case DTypes::INTEGERS: return "INTEGERS";
    case DTypes::ROUNDING: return "ROUNDING";
    default: break;
    }
    return "";
}

// The rows of elementwise.def as data, for the generic tests.
pybind11::list elementwise_rows() {
    pybind11::list rows;
    for (int i = 0; i < kNumOps; ++i) {
        const RowInfo& r = row(Op(i));
        pybind11::dict d;
        d["name"] = r.name;
        d["arity"] = r.arity;
        d["params"] = r.parameters;
        d["domain"] = pybind11::make_tuple(r.lo, r.hi);
        d["dtypes"] = dtypes_text(r.dtypes);
        d["complex"] = r.is_complex;
        d["is_test"] = r.is_test;
        d["differentiable"] = r.differentiable;
        d["node"] = r.node;
        d["forms"] = r.forms;
        rows.append(d);
    }
    return rows;
}

}  // namespace
}  // namespace wg::py

PYBIND11_MODULE(_C, m) {
    using namespace wg;
    using namespace wg::py;
    add_runtime_errors();
    install_site_provider();
    install_thread_providers();
    try {
        add_types(m.ptr());
        add_dropin(m.ptr());
        add_tensor_type(m.ptr());
        add_overrides(m.ptr());
        add_profiler(m.ptr());
        add_storage(m.ptr());
        add_operations(m.ptr());
        add_creation(m.ptr());
        add_autograd(m.ptr());
        add_transforms(m.ptr());
        add_grad_modes(m.ptr());
        add_hooks(m.ptr());
        add_collector(m.ptr());
        add_node_types(m.ptr());
        add_functions(m.ptr());
        add_forward(m.ptr());
        add_random(m.ptr());
        add_optim(m.ptr());
        add_graph(m);
        add_watch(m);
    } catch (...) {
        set_python_error();
        throw pybind11::error_already_set();
    }
    m.def("memory_stats", memory_stats_dict,
          "Bytes and calls of the allocator, since the start or the last reset of the peaks.");
    m.def("reset_peak_memory_stats", reset_peak_memory_stats);
    m.def("empty_cache", empty_cache, "Gives cached memory back to the system.");
    m.def("get_num_threads", [] { return num_threads(); });
    m.def("set_num_threads", [](pybind11::object n) {
        if (!PyLong_Check(n.ptr())) {
            PyErr_Format(PyExc_RuntimeError, "set_num_threads expects an int, but got %s",
                         Py_TYPE(n.ptr())->tp_name);
            throw pybind11::error_already_set();
        }
        const int count = n.cast<int>();
        if (count <= 0) {
            PyErr_SetString(PyExc_RuntimeError, "set_num_threads expects a positive integer");
            throw pybind11::error_already_set();
        }
        wg::set_num_threads(count);
    });
    m.def(
        "set_warn_always", [](bool on) { set_warn_always(on); },
        "Whether warnings that PyTorch gives once in a process come every time.");
    m.def("is_warn_always_enabled", warn_always);
    m.def("_warn_once", [](const std::string& message) {
        try {
            warn_once(WarningKind::User, message);
        } catch (...) {
            set_python_error();
            throw pybind11::error_already_set();
        }
    });
    m.def("_cpu_capability", cpu_capability);
    m.def("_elementwise_rows", elementwise_rows);
    m.def("get_default_dtype", [] {
        return pybind11::reinterpret_borrow<pybind11::object>(dtype_object(default_dtype()));
    });
    m.def("_set_default_dtype", [](pybind11::object d) {
        if (!is_dtype(d.ptr()))
            throw pybind11::type_error(
                "invalid dtype object: only floating-point types are supported as the default type");
        try {
            set_default_dtype(dtype_of_object(d.ptr()));
        } catch (const Error& e) {
            throw pybind11::type_error(e.what());
        }
    });
}
