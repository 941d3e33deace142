// The operators of torch.Tensor: number protocol and comparisons, straight to the rows.
#include "convert.h"
#include "data.h"
#include "override.h"
#include "tensor_type.h"

namespace wg::py {
namespace {

PyObject* not_implemented() { return Py_NewRef(Py_NotImplemented); }

bool is_operand(PyObject* o) {
    return is_exact_tensor(o) || PyFloat_CheckExact(o) || PyLong_CheckExact(o) || is_tensor(o) ||
           is_number(o);
}

// How those who override the operator are told of it: by an attribute of Tensor, or for some with the operands
// turned round by a function of torch. A null text: the operands are never turned round.
struct Name {
    const char* text;
    Told told = Told::Operation;
    bool is_function = false;
};
struct Names {
    Name usual;
    Name reversed;
};
constexpr Name python(const char* text) { return {text, Told::Function}; }
constexpr Name function(const char* text) { return {text, Told::Operation, true}; }

Object function_of_torch(const char* name) {
    static PyObject* const module = check(PyImport_ImportModule("whygrad._C")).release();
    return check(PyObject_GetAttrString(module, name));
}

// What those who override the operator say, who may say nothing.
[[gnu::noinline]] Answer ask_about(Name name, PyObject* a, PyObject* b, Plainly plainly,
                                   Py_ssize_t n_asked = 2) {
    PyObject* const args[] = {a, b};
    Call call = call_of_method(name.text, args, 2, nullptr, name.told);
    call.n_asked = n_asked;
    call.is_operator = true;
    Object callable;
    if (name.is_function) {
        callable = Object::steal(guarded([&] { return function_of_torch(name.text).release(); }));
        if (!callable) return {true, nullptr};
        call.callable = callable.get();
    }
    return ask_overrides(call, plainly);
}
// Only operands are asked about, and objects with an override: all else is left to its own operator.
bool may_ask(PyObject* o) { return is_operand(o) || class_overrides(o); }
[[gnu::noinline]] Answer ask(Names names, PyObject* a, PyObject* b, Plainly plainly) {
    if (!may_ask(a) || !may_ask(b)) return {};
    if (is_tensor(a) || !names.reversed.text) return ask_about(names.usual, a, b, plainly);
    if (!is_tensor(b)) return {};
    return ask_about(names.reversed, b, a, plainly);
}

// Comparisons record nothing, and look at no history.
void check_operands(Op op, PyObject* a, PyObject* b) {
    PyObject* const operands[] = {a, b};
    if (!row(op).is_test) check_histories(operands, false);
}

// a OP b where at least one is a tensor. `reversed_node`: the node's name for number OP tensor.
inline PyObject* binary_of(Op op, PyObject* a, PyObject* b, const char* reversed_node) {
    if (!is_operand(a) || !is_operand(b)) return not_implemented();
    return guarded([&] {
        return with_histories(
            [&] {
                const Arg args[] = {Convert<Arg>::get(a), Convert<Arg>::get(b)};
                return wrap(
                    elementwise(op, args, {}, args[0].is_tensor() ? nullptr : reversed_node));
            },
            [&] { check_operands(op, a, b); });
    });
}
inline PyObject* binary_slot(Op op, Names names, PyObject* a, PyObject* b,
                             const char* reversed_node = nullptr) {
    if (!is_plain_operand(a) || !is_plain_operand(b)) [[unlikely]]
        if (const Answer given =
                ask(names, a, b, [&] { return binary_of(op, a, b, reversed_node); }))
            return given.result;
    return binary_of(op, a, b, reversed_node);
}

inline PyObject* inplace_of(Op op, PyObject* a, PyObject* b) {
    if (!is_tensor(a) || !is_operand(b)) return not_implemented();
    const auto write = [&] {
        const Arg args[] = {Convert<Arg>::get(a), Convert<Arg>::get(b)};
        elementwise_(op, tensor_of(a), args);
        return Py_NewRef(a);
    };
    const auto look = [&] {
        PyObject* const operands[] = {a, b};
        check_histories(operands, true);
    };
    return guarded(
        [&] { return naming_write(row(op).name, b, [&] { return with_histories(write, look); }); });
}
inline PyObject* inplace_slot(Op op, Name name, PyObject* a, PyObject* b) {
    if (!is_plain_operand(a) || !is_plain_operand(b)) [[unlikely]]
        if (may_ask(b))
            if (const Answer given = ask_about(name, a, b, [&] { return inplace_of(op, a, b); }))
                return given.result;
    return inplace_of(op, a, b);
}

// With a number first these are the same with the number last, as PyTorch records them.
PyObject* commutative_slot(Op op, const char* method, PyObject* a, PyObject* b) {
    const Names names{{method}, {nullptr}};
    return is_tensor(a) ? binary_slot(op, names, a, b) : binary_slot(op, names, b, a);
}
PyObject* add(PyObject* a, PyObject* b) { return commutative_slot(Op::add, "add", a, b); }
PyObject* subtract(PyObject* a, PyObject* b) {
    return binary_slot(Op::sub, {{"sub"}, python("__rsub__")}, a, b, "RsubBackward1");
}
PyObject* multiply(PyObject* a, PyObject* b) { return commutative_slot(Op::mul, "mul", a, b); }
PyObject* remainder(PyObject* a, PyObject* b) {
    return binary_slot(Op::remainder, {{"remainder"}, python("__rmod__")}, a, b);
}
PyObject* floor_divide(PyObject* a, PyObject* b) {
    return binary_slot(Op::floor_divide, {python("__floordiv__"), python("__rfloordiv__")}, a, b);
}
PyObject* power(PyObject* a, PyObject* b, PyObject* modulus) {
    if (modulus != Py_None) return not_implemented();
    return binary_slot(Op::pow, {python("pow"), python("__rpow__")}, a, b);
}
// number / tensor is the reciprocal scaled, as PyTorch records it.
PyObject* divide_number(PyObject* number, PyObject* t) {
    return guarded([&] { return wrap(mul(reciprocal(tensor_of(t)), Convert<Arg>::get(number))); });
}
PyObject* divide(PyObject* a, PyObject* b) {
    constexpr Names names{{"div"}, python("__rdiv__")};
    if (is_tensor(a) || !is_operand(a)) return binary_slot(Op::div, names, a, b);
    if (!is_plain(b)) [[unlikely]]
        if (const Answer given = ask(names, a, b, [&] { return divide_number(a, b); }))
            return given.result;
    return divide_number(a, b);
}
PyObject* matrix_product(PyObject* a, PyObject* b) {
    if (!is_tensor(a) || !is_tensor(b)) return not_implemented();
    return guarded([&] {
        return with_histories([&] { return wrap(matmul(tensor_of(a), tensor_of(b))); },
                              [&] { check_operands(Op::mul, a, b); });
    });
}
PyObject* matrix_multiply(PyObject* a, PyObject* b) {
    if (!is_plain(a) || !is_plain(b)) [[unlikely]]
        if (!is_number(b))
            if (const Answer given = ask({{"matmul"}, python("__rmatmul__")}, a, b,
                                         [&] { return matrix_product(a, b); }))
                return given.result;
    return matrix_product(a, b);
}
PyObject* bit_and(PyObject* a, PyObject* b) {
    return binary_slot(Op::bitwise_and, {{"__and__"}, function("bitwise_and")}, a, b);
}
PyObject* bit_or(PyObject* a, PyObject* b) {
    return binary_slot(Op::bitwise_or, {{"__or__"}, function("bitwise_or")}, a, b);
}
PyObject* bit_xor(PyObject* a, PyObject* b) {
    return binary_slot(Op::bitwise_xor, {{"__xor__"}, function("bitwise_xor")}, a, b);
}

PyObject* shift_left(PyObject* a, PyObject* b) {
    return binary_slot(Op::bitwise_left_shift, {{"__lshift__"}, python("__rlshift__")}, a, b);
}
PyObject* shift_right(PyObject* a, PyObject* b) {
    return binary_slot(Op::bitwise_right_shift, {{"__rshift__"}, python("__rrshift__")}, a, b);
}

PyObject* inplace_add(PyObject* a, PyObject* b) {
    PyObject* result = inplace_slot(Op::add, {"add_"}, a, b);
    if (result != Py_NotImplemented || is_exact_tensor(a)) return result;
    // The interpreter gives classes in Python this function as sq_inplace_concat too, and takes what that
    // returns as it is: the fallback to + must be here.
    Py_DECREF(result);
    result = PyNumber_Add(a, b);
    if (result || !PyErr_ExceptionMatches(PyExc_TypeError)) return result;
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    const Object text = Object::steal(value ? PyObject_Str(value) : nullptr);
    const char* message = text ? PyUnicode_AsUTF8(text.get()) : nullptr;
    PyErr_Restore(type, value, traceback);
    constexpr std::string_view start = "unsupported operand type(s) for +: ";
    if (message && std::string_view(message).starts_with(start))
        PyErr_Format(PyExc_TypeError, "unsupported operand type(s) for +=: %s",
                     message + start.size());
    return nullptr;
}
PyObject* inplace_subtract(PyObject* a, PyObject* b) {
    return inplace_slot(Op::sub, {"sub_"}, a, b);
}
PyObject* inplace_multiply(PyObject* a, PyObject* b) {
    return inplace_slot(Op::mul, {"mul_"}, a, b);
}
PyObject* inplace_divide(PyObject* a, PyObject* b) { return inplace_slot(Op::div, {"div_"}, a, b); }
PyObject* inplace_floor_divide(PyObject* a, PyObject* b) {
    return inplace_slot(Op::floor_divide, {"floor_divide_"}, a, b);
}
PyObject* inplace_remainder(PyObject* a, PyObject* b) {
    return inplace_slot(Op::remainder, {"remainder_"}, a, b);
}
PyObject* inplace_power(PyObject* a, PyObject* b, PyObject*) {
    return inplace_slot(Op::pow, python("pow_"), a, b);
}
PyObject* inplace_and(PyObject* a, PyObject* b) {
    return inplace_slot(Op::bitwise_and, {"__iand__"}, a, b);
}
PyObject* inplace_or(PyObject* a, PyObject* b) {
    return inplace_slot(Op::bitwise_or, {"__ior__"}, a, b);
}
PyObject* inplace_xor(PyObject* a, PyObject* b) {
    return inplace_slot(Op::bitwise_xor, {"__ixor__"}, a, b);
}
PyObject* inplace_shift_left(PyObject* a, PyObject* b) {
    return inplace_slot(Op::bitwise_left_shift, {"__ilshift__"}, a, b);
}
PyObject* inplace_shift_right(PyObject* a, PyObject* b) {
    return inplace_slot(Op::bitwise_right_shift, {"__irshift__"}, a, b);
}

PyObject* negative(PyObject* a) {
    return guarded([&] { return wrap(neg(tensor_of(a))); });
}
PyObject* positive(PyObject* a) {
    return guarded([&] { return wrap(positive(tensor_of(a))); });
}
PyObject* absolute(PyObject* a) {
    return guarded([&] { return wrap(abs(tensor_of(a))); });
}
PyObject* invert(PyObject* a) {
    return guarded([&] {
        const Tensor& t = tensor_of(a);
        WG_CHECK_TYPE(
            !is_differentiable(t.dtype()),
            "~ (operator.invert) is only implemented on integer and Boolean-type tensors");
        return wrap(bitwise_not(t));
    });
}

template <Literal name, PyObject* (*F)(PyObject*)>
PyObject* unary_slot(PyObject* a) {
    if (!is_plain(a)) [[unlikely]]
        if (const Answer given = ask_overrides(
                call_of_method(name.text, &a, 1, nullptr, Told::Self), [&] { return F(a); }))
            return given.result;
    return F(a);
}

const Tensor& single_value(PyObject* o, const char* what) {
    const Tensor& t = tensor_of(o);
    if (std::string_view(what) == "bool") {
        WG_CHECK(t.numel() > 0, "Boolean value of Tensor with no values is ambiguous");
        WG_CHECK(t.numel() == 1, "Boolean value of Tensor with more than one value is ambiguous");
    } else {
        WG_CHECK_VALUE(t.numel() == 1,
                       "only one element tensors can be converted to Python scalars");
    }
    return t;
}

int truth(PyObject* o) {
    return guarded([&] { return int(is_nonzero(single_value(o, "bool"))); }, -1);
}
int to_bool(PyObject* o) {
    if (!is_plain(o)) [[unlikely]] {
        const auto plainly = [&]() -> PyObject* {
            const int is = truth(o);
            return is < 0 ? nullptr : PyBool_FromLong(is);
        };
        if (const Answer given = ask_overrides(
                call_of_method("__bool__", &o, 1, nullptr, Told::Self, true), plainly)) {
            const int is = given.result ? PyObject_IsTrue(given.result) : -1;
            Py_XDECREF(given.result);
            return is;
        }
    }
    return truth(o);
}
PyObject* to_int(PyObject* o) {
    return guarded([&] {
        const Tensor& t = single_value(o, "int");
        if (is_floating(t.dtype())) return PyLong_FromDouble(t.to_double());
        return PyLong_FromLongLong(t.to_int());
    });
}
PyObject* to_float(PyObject* o) {
    return guarded([&] {
        const Tensor& t = single_value(o, "float");
        if (requires_grad(t))
            warn_once(
                WarningKind::User,
                "Converting a tensor with requires_grad=True to a scalar may lead to unexpected behavior.\n"
                "Consider using tensor.detach() first. (Triggered internally at "
                "/__w/pytorch/pytorch/torch/csrc/autograd/generated/python_variable_methods.cpp:822.)");
        return PyFloat_FromDouble(t.to_double());
    });
}
PyObject* to_index(PyObject* o) {
    return guarded([&] {
        const Tensor& t = tensor_of(o);
        WG_CHECK_TYPE(t.numel() == 1 && !is_differentiable(t.dtype()),
                      "only integer tensors of a single element can be converted to an index");
        return PyLong_FromLongLong(t.to_int());
    });
}

constexpr struct {
    Op op;
    const char* method;
} comparisons_[] = {{Op::lt, "lt"}, {Op::le, "le"}, {Op::eq, "eq"},  // Py_LT ... Py_GE
                    {Op::ne, "ne"}, {Op::gt, "gt"}, {Op::ge, "ge"}};

// x == array, alone of all operators with an array, is left to no one else.
PyObject* equals_array(PyObject* a, PyObject* array) {
    const Object b = Object::steal(guarded([&] { return wrap(tensor_from_numpy(array)); }));
    if (b) return binary_of(Op::eq, a, b.get(), nullptr);
    if (!PyErr_ExceptionMatches(PyExc_TypeError)) return nullptr;
    PyErr_Clear();
    return not_implemented();
}

PyObject* compare_plainly(PyObject* a, PyObject* b, int how) {
    if (how == Py_EQ && is_ndarray(b)) return equals_array(a, b);
    return binary_of(comparisons_[how].op, a, b, nullptr);
}

PyObject* compare(PyObject* a, PyObject* b, int how) {
    if (!is_plain_operand(a) || !is_plain_operand(b)) [[unlikely]] {
        // == alone is asked about whatever it compares with, of its first operand, and then under its own name.
        const bool equality = how == Py_EQ && !is_plain(a);
        if (equality || may_ask(b))
            if (const Answer given = ask_about(
                    {equality ? "__eq__" : comparisons_[how].method}, a, b,
                    [&] { return compare_plainly(a, b, how); }, equality ? 1 : 2))
                return given.result;
    }
    return compare_plainly(a, b, how);
}

// hash(x) is id(x), as in PyTorch.
Py_hash_t hash(PyObject* o) { return Py_hash_t(reinterpret_cast<uintptr_t>(o)); }

template <class F>
void* slot(F* f) {
    return reinterpret_cast<void*>(f);
}

PyType_Slot slots_[] = {
    {Py_nb_add, slot(add)},
    {Py_nb_subtract, slot(subtract)},
    {Py_nb_multiply, slot(multiply)},
    {Py_nb_remainder, slot(remainder)},
    {Py_nb_true_divide, slot(divide)},
    {Py_nb_floor_divide, slot(floor_divide)},
    {Py_nb_power, slot(power)},
    {Py_nb_matrix_multiply, slot(matrix_multiply)},
    {Py_nb_and, slot(bit_and)},
    {Py_nb_or, slot(bit_or)},
    {Py_nb_xor, slot(bit_xor)},
    {Py_nb_lshift, slot(shift_left)},
    {Py_nb_rshift, slot(shift_right)},
    {Py_nb_inplace_add, slot(inplace_add)},
    {Py_nb_inplace_subtract, slot(inplace_subtract)},
    {Py_nb_inplace_multiply, slot(inplace_multiply)},
    {Py_nb_inplace_true_divide, slot(inplace_divide)},
    {Py_nb_inplace_floor_divide, slot(inplace_floor_divide)},
    {Py_nb_inplace_remainder, slot(inplace_remainder)},
    {Py_nb_inplace_power, slot(inplace_power)},
    {Py_nb_inplace_and, slot(inplace_and)},
    {Py_nb_inplace_or, slot(inplace_or)},
    {Py_nb_inplace_xor, slot(inplace_xor)},
    {Py_nb_inplace_lshift, slot(inplace_shift_left)},
    {Py_nb_inplace_rshift, slot(inplace_shift_right)},
    {Py_nb_negative, slot(unary_slot<"neg", negative>)},
    {Py_nb_positive, slot(unary_slot<"positive", positive>)},
    {Py_nb_absolute, slot(unary_slot<"abs", absolute>)},
    {Py_nb_invert, slot(unary_slot<"__invert__", invert>)},
    {Py_nb_bool, slot(to_bool)},
    {Py_nb_int, slot(unary_slot<"__int__", to_int>)},
    {Py_nb_float, slot(unary_slot<"__float__", to_float>)},
    {Py_nb_index, slot(unary_slot<"__index__", to_index>)},
    {Py_tp_richcompare, slot(compare)},
    {Py_tp_hash, slot(hash)},
    {0, nullptr},
};

}  // namespace

PyType_Slot* operator_slots() { return slots_; }

}  // namespace wg::py
