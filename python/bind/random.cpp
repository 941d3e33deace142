// torch.Generator and the functions that fill tensors with random numbers.
#include <pybind11/pybind11.h>

#include <memory>

#include "convert.h"
#include "cpu/random.h"
#include "ops/functions.h"

namespace wg::py {
namespace {

namespace pb = pybind11;

// Runs f; errors of the core become Python's (pybind11 knows only its own).
template <class F>
auto translated(F&& f) {
    try {
        return f();
    } catch (const pb::error_already_set&) {
        throw;
    } catch (...) {
        set_python_error();
        throw pb::error_already_set();
    }
}

pb::object owned(PyObject* o) { return pb::reinterpret_steal<pb::object>(o); }

// The default generator is the program's; others belong to their Python object.
struct GeneratorHolder {
    std::unique_ptr<Generator> own;
    Generator& get() const { return own ? *own : default_generator(); }
};

uint64_t seed_of(pb::handle seed) {
    WG_CHECK(PyIndex_Check(seed.ptr()), "manual_seed expected a long, but got ",
             Py_TYPE(seed.ptr())->tp_name);
    // Negative seeds wrap round.
    const Object index = check(PyNumber_Index(seed.ptr()));
    const Object zero = check(PyLong_FromLong(0));
    const bool negative = PyObject_RichCompareBool(index.get(), zero.get(), Py_LT) == 1;
    const uint64_t v = negative ? uint64_t(PyLong_AsLongLong(index.get()))
                                : PyLong_AsUnsignedLongLong(index.get());
    if (PyErr_Occurred()) {
        PyErr_Clear();
        fail(ErrorKind::Value, "Overflow when unpacking long long");
    }
    return v;
}

Tensor state_of(const Generator& g) {
    const Dims sizes{int64_t(Generator::kStateBytes)};
    Tensor t = empty(sizes, DType::UInt8);
    g.get_state(t.mutable_data<uint8_t>());
    return t;
}

}  // namespace

bool is_generator(PyObject* o) noexcept { return pb::isinstance<GeneratorHolder>(pb::handle(o)); }
Generator& generator_of_object(PyObject* o) {
    return o == Py_None ? default_generator() : pb::handle(o).cast<GeneratorHolder&>().get();
}

void add_random(PyObject* module) {
    pb::module_ m = pb::reinterpret_borrow<pb::module_>(module);
    pb::class_<GeneratorHolder>(m, "Generator", "A stream of random numbers with its own state.")
        .def(
            pb::init([](pb::object device) {
                return translated([&] {
                    if (!device.is_none() && device_of_object(device.ptr()).type != DeviceType::CPU)
                        fail(ErrorKind::Runtime,
                             "Device type CUDA is not supported for torch.Generator() api.");
                    return GeneratorHolder{std::make_unique<Generator>()};
                });
            }),
            pb::arg("device") = pb::none())
        .def(
            "manual_seed",
            [](pb::object self, pb::object seed) {
                return translated([&] {
                    self.cast<GeneratorHolder&>().get().manual_seed(seed_of(seed));
                    return self;
                });
            },
            pb::arg("seed"))
        .def("seed", [](GeneratorHolder& h) { return h.get().seed(); })
        .def("initial_seed", [](GeneratorHolder& h) { return h.get().initial_seed(); })
        .def("get_state", [](GeneratorHolder& h) { return owned(wrap(state_of(h.get()))); })
        .def("set_state",
             [](pb::object self, pb::object state) {
                 return translated([&] {
                     if (!is_tensor(state.ptr()))
                         fail_type(str("expected a torch.ByteTensor, but got ",
                                       Py_TYPE(state.ptr())->tp_name));
                     const Tensor t = contiguous(tensor_of(state.ptr()));
                     if (t.dtype() != DType::UInt8)
                         fail_type("RNG state must be a torch.ByteTensor");
                     self.cast<GeneratorHolder&>().get().set_state(t.data<uint8_t>(),
                                                                   size_t(t.numel()));
                     return self;
                 });
             })
        .def("clone_state",
             [](GeneratorHolder& h) {
                 return GeneratorHolder{std::make_unique<Generator>(h.get())};
             })
        .def_property_readonly("device",
                               [](GeneratorHolder&) { return owned(wrap_device(Device{})); });
    m.attr("default_generator") = pb::cast(GeneratorHolder{});
}

}  // namespace wg::py
