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

Generator& generator_of(const pb::object& o) {
    return o.is_none() ? default_generator() : o.cast<GeneratorHolder&>().get();
}

Tensor& tensor_arg(const pb::handle& o) {
    if (!is_tensor(o.ptr())) fail_type(str("expected a Tensor, not ", Py_TYPE(o.ptr())->tp_name));
    return tensor_of(o.ptr());
}

Tensor state_of(const Generator& g) {
    const Dims sizes{int64_t(Generator::kStateBytes)};
    Tensor t = empty(sizes, DType::UInt8);
    g.get_state(t.data<uint8_t>());
    return t;
}

// _fill_random(tensor, kind, a, b, generator): the in-place samplers.
pb::object fill_random_method(pb::object self, const std::string& kind, pb::object a, pb::object b,
                              pb::object generator) {
    return translated([&] {
        Tensor& t = tensor_arg(self);
        Generator& g = generator_of(generator);
        const auto number = [](const pb::object& o) { return to_double(o.ptr()); };
        if (kind == "uniform_") uniform_(t, number(a), number(b), g);
        else if (kind == "normal_") normal_(t, number(a), number(b), g);
        else if (kind == "log_normal_") log_normal_(t, number(a), number(b), g);
        else if (kind == "cauchy_") cauchy_(t, number(a), number(b), g);
        else if (kind == "exponential_") exponential_(t, number(a), g);
        else if (kind == "geometric_") geometric_(t, number(a), g);
        else if (kind == "bernoulli_") {
            if (is_tensor(a.ptr())) bernoulli_tensor_(t, tensor_of(a.ptr()), g);
            else bernoulli_(t, number(a), g);
        } else if (kind == "random_") {
            if (a.is_none()) random_full_(t, g);
            else random_range_(t, to_int64(a.ptr()), to_int64(b.ptr()), g);
        } else {
            fail(ErrorKind::Value, "unknown sampler " + kind);
        }
        return self;
    });
}

}  // namespace

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
                     const Tensor t = contiguous(tensor_arg(state));
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
    m.def("_fill_random", fill_random_method);
    // The same for a tensor that nobody has seen yet: its version starts at 0.
    m.def("_fill_new", [](pb::object t, const std::string& kind, pb::object a, pb::object b,
                          pb::object generator) {
        const pb::object filled = fill_random_method(t, kind, a, b, generator);
        *tensor_of(filled.ptr())->version = 0;
        return filled;
    });
    m.def("_randperm", [](int64_t n, pb::object dtype, pb::object generator) {
        return translated([&] {
            return owned(wrap(randperm(n, dtype_of_object(dtype.ptr()), generator_of(generator))));
        });
    });
    m.def("_multinomial",
          [](pb::object weights, int64_t samples, bool replacement, pb::object generator) {
              return translated([&] {
                  return owned(wrap(multinomial(tensor_arg(weights), samples, replacement,
                                                generator_of(generator))));
              });
          });
}

}  // namespace wg::py
