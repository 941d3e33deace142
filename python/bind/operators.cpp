// The operators of torch.Tensor: number protocol and comparisons, straight to the rows. The table at the end
// says which there are: Note [Operators].
#include <cstddef>

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

// How those who override the operator are told of it: by an attribute of Tensor, whose name differs from that of
// the operation for some that are functions in Python.
struct Name {
    const char* text;
    Told told = Told::Operation;
    const char* attribute = nullptr;
};
struct Names {
    Name usual;
    Name reversed;
};
constexpr Name python(const char* text, const char* attribute = nullptr) {
    return {text, Told::Function, attribute};
}

Object attribute_of_tensor(const char* name) {
    return check(PyObject_GetAttrString(reinterpret_cast<PyObject*>(tensor_type), name));
}

// What those who override the operator say, who may say nothing.
[[gnu::noinline]] Answer ask_about(Name name, PyObject* a, PyObject* b, Plainly plainly,
                                   Py_ssize_t n_asked = 2) {
    PyObject* const args[] = {a, b};
    Call call = call_of_method(name.text, args, 2, nullptr, name.told);
    call.n_asked = n_asked;
    call.is_operator = true;
    Object callable;
    if (name.attribute) {
        callable =
            Object::steal(guarded([&] { return attribute_of_tensor(name.attribute).release(); }));
        if (!callable) return {true, nullptr};
        call.callable = callable.get();
    }
    return ask_overrides(call, plainly);
}
// Only operands are asked about, and objects with an override: all else is left to its own operator.
bool may_ask(PyObject* o) { return is_operand(o) || class_overrides(o); }
[[gnu::noinline]] Answer ask(Names names, PyObject* a, PyObject* b, Plainly plainly) {
    if (!may_ask(a) || !may_ask(b)) return {};
    if (is_tensor(a)) {
        const Answer given = ask_about(names.usual, a, b, plainly);
        if (given.result != Py_NotImplemented || !is_tensor(b) || Py_TYPE(a) == Py_TYPE(b))
            return given;
        Py_DECREF(given.result);  // as the interpreter asks the other one where its slot is another
    } else if (!is_tensor(b)) {
        return {};
    }
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
    const Names names{{method}, {method}};
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
    return binary_slot(Op::pow, {python("pow", "__pow__"), python("__rpow__")}, a, b);
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
    return binary_slot(Op::bitwise_and, {{"__and__"}, {"bitwise_and"}}, a, b);
}
PyObject* bit_or(PyObject* a, PyObject* b) {
    return binary_slot(Op::bitwise_or, {{"__or__"}, {"bitwise_or"}}, a, b);
}
PyObject* bit_xor(PyObject* a, PyObject* b) {
    return binary_slot(Op::bitwise_xor, {{"__xor__"}, {"bitwise_xor"}}, a, b);
}

PyObject* shift_left(PyObject* a, PyObject* b) {
    return binary_slot(Op::bitwise_left_shift, {{"__lshift__"}, python("__rlshift__")}, a, b);
}
PyObject* shift_right(PyObject* a, PyObject* b) {
    return binary_slot(Op::bitwise_right_shift, {{"__rshift__"}, python("__rrshift__")}, a, b);
}

PyObject* inplace_add(PyObject* a, PyObject* b) { return inplace_slot(Op::add, {"add_"}, a, b); }
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
    return inplace_slot(Op::pow, python("pow_", "__ipow__"), a, b);
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
            if (given.result && !PyBool_Check(given.result))
                PyErr_Format(PyExc_TypeError, "__bool__ should return bool, returned %s",
                             Py_TYPE(given.result)->tp_name);
            const int is = PyErr_Occurred() ? -1 : given.result == Py_True;
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

// Note [Operators]
// `x + y` calls a slot of the class. What the class has under the slot's names, "__add__" and "__radd__", are as in
// PyTorch methods in C of TensorBase, and for some functions in Python of Tensor, that call these; both are put
// into the dicts of the classes without a word to the interpreter, which else would make slots that look the names
// up. Classes that derive in Python get such slots when they are made. There, where the names still lead to
// what Tensor has, take_slots() puts the functions in C back: Parameters add as fast as Tensors.
struct Operator {
    int slot;
    size_t place;  // in a class
    void* function;
    PyMethodDef methods[6];
};

template <binaryfunc F>
PyObject* forward(PyObject* self, PyObject* other) {
    return F(self, other);
}
template <binaryfunc F>
PyObject* reflected(PyObject* self, PyObject* other) {
    return F(other, self);
}
// `2 & x` is asked about as a bitwise_and of x.
template <Op op>
PyObject* reflected_bits(PyObject* self, PyObject* other) {
    return binary_slot(op, {{row(op).name}, {row(op).name}}, self, other);
}
template <unaryfunc F>
PyObject* alone(PyObject* self, PyObject*) {
    return F(self);
}
template <int how>
PyObject* comparison(PyObject* self, PyObject* other) {
    return compare(self, other, how);
}
template <ternaryfunc F>
PyObject* raised(PyObject* a, PyObject* b) {
    return F(a, b, Py_None);
}
PyObject* truth_of(PyObject* self, PyObject*) {
    const int is = to_bool(self);
    return is < 0 ? nullptr : PyBool_FromLong(is);
}
PyObject* hash_of(PyObject* self, PyObject*) { return PyLong_FromSsize_t(hash(self)); }

// METH_COEXIST: in the place of what the interpreter makes for a slot.
constexpr PyMethodDef binary_method(const char* name, PyCFunction f) {
    return {name, f, METH_O | METH_COEXIST, "(Tensor self, Tensor other)"};  // read by overrides.py
}
constexpr PyMethodDef unary_method(const char* name, PyCFunction f) {
    return {name, f, METH_NOARGS | METH_COEXIST, nullptr};
}
template <binaryfunc F>
Operator two(int slot, size_t place, const char* name, const char* turned_round = nullptr,
             PyCFunction turned = reflected<F>) {
    Operator o{slot, place, reinterpret_cast<void*>(F), {binary_method(name, forward<F>)}};
    if (turned_round) o.methods[1] = binary_method(turned_round, turned);
    return o;
}
template <unaryfunc F>
Operator one(int slot, size_t place, const char* name) {
    return {slot, place, reinterpret_cast<void*>(F), {unary_method(name, alone<F>)}};
}

#define WG_NUMBER(slot) Py_##slot, offsetof(PyHeapTypeObject, as_number.slot)
#define WG_TYPE(slot) Py_##slot, offsetof(PyHeapTypeObject, ht_type.slot)
template <class F>
void* slot(F* f) {
    return reinterpret_cast<void*>(f);
}
const Operator operators_[] = {
    two<add>(WG_NUMBER(nb_add), "__add__", "__radd__", forward<add>),
    two<subtract>(WG_NUMBER(nb_subtract), "__sub__", "__rsub__"),
    two<multiply>(WG_NUMBER(nb_multiply), "__mul__", "__rmul__", forward<multiply>),
    two<remainder>(WG_NUMBER(nb_remainder), "__mod__", "__rmod__"),
    {WG_NUMBER(nb_true_divide),
     slot(divide),
     {binary_method("__truediv__", forward<divide>),
      binary_method("__rtruediv__", reflected<divide>), binary_method("__div__", forward<divide>)}},
    two<floor_divide>(WG_NUMBER(nb_floor_divide), "__floordiv__", "__rfloordiv__"),
    two<matrix_multiply>(WG_NUMBER(nb_matrix_multiply), "__matmul__", "__rmatmul__"),
    two<bit_and>(WG_NUMBER(nb_and), "__and__", "__rand__", reflected_bits<Op::bitwise_and>),
    two<bit_or>(WG_NUMBER(nb_or), "__or__", "__ror__", reflected_bits<Op::bitwise_or>),
    two<bit_xor>(WG_NUMBER(nb_xor), "__xor__", "__rxor__", reflected_bits<Op::bitwise_xor>),
    two<shift_left>(WG_NUMBER(nb_lshift), "__lshift__", "__rlshift__"),
    two<shift_right>(WG_NUMBER(nb_rshift), "__rshift__", "__rrshift__"),
    two<inplace_add>(WG_NUMBER(nb_inplace_add), "__iadd__"),
    two<inplace_subtract>(WG_NUMBER(nb_inplace_subtract), "__isub__"),
    two<inplace_multiply>(WG_NUMBER(nb_inplace_multiply), "__imul__"),
    {WG_NUMBER(nb_inplace_true_divide),
     slot(inplace_divide),
     {binary_method("__itruediv__", forward<inplace_divide>),
      binary_method("__idiv__", forward<inplace_divide>)}},
    two<inplace_floor_divide>(WG_NUMBER(nb_inplace_floor_divide), "__ifloordiv__"),
    two<inplace_remainder>(WG_NUMBER(nb_inplace_remainder), "__imod__"),
    two<inplace_and>(WG_NUMBER(nb_inplace_and), "__iand__"),
    two<inplace_or>(WG_NUMBER(nb_inplace_or), "__ior__"),
    two<inplace_xor>(WG_NUMBER(nb_inplace_xor), "__ixor__"),
    two<inplace_shift_left>(WG_NUMBER(nb_inplace_lshift), "__ilshift__"),
    two<inplace_shift_right>(WG_NUMBER(nb_inplace_rshift), "__irshift__"),
    {WG_NUMBER(nb_power),
     slot(power),
     {binary_method("__pow__", forward<raised<power>>),
      binary_method("__rpow__", reflected<raised<power>>)}},
    {WG_NUMBER(nb_inplace_power),
     slot(inplace_power),
     {binary_method("__ipow__", raised<inplace_power>)}},
    one<unary_slot<"neg", negative>>(WG_NUMBER(nb_negative), "__neg__"),
    one<unary_slot<"positive", positive>>(WG_NUMBER(nb_positive), "__pos__"),
    one<unary_slot<"abs", absolute>>(WG_NUMBER(nb_absolute), "__abs__"),
    one<unary_slot<"__invert__", invert>>(WG_NUMBER(nb_invert), "__invert__"),
    {WG_NUMBER(nb_bool),
     slot(to_bool),
     {unary_method("__bool__", truth_of), unary_method("__nonzero__", truth_of)}},
    {WG_NUMBER(nb_int),
     slot(unary_slot<"__int__", to_int>),
     {unary_method("__int__", alone<unary_slot<"__int__", to_int>>),
      unary_method("__long__", alone<unary_slot<"__long__", to_int>>)}},
    one<unary_slot<"__float__", to_float>>(WG_NUMBER(nb_float), "__float__"),
    one<unary_slot<"__index__", to_index>>(WG_NUMBER(nb_index), "__index__"),
    {WG_TYPE(tp_richcompare),
     slot(compare),
     {binary_method("__lt__", comparison<Py_LT>), binary_method("__le__", comparison<Py_LE>),
      binary_method("__eq__", comparison<Py_EQ>), binary_method("__ne__", comparison<Py_NE>),
      binary_method("__gt__", comparison<Py_GT>), binary_method("__ge__", comparison<Py_GE>)}},
    {WG_TYPE(tp_hash), slot(hash), {unary_method("__hash__", hash_of)}},
};

void*& slot_of(PyTypeObject* type, const Operator& o) {
    return *reinterpret_cast<void**>(reinterpret_cast<char*>(type) + o.place);
}
bool is_as_in_tensor(PyTypeObject* type, const char* name) {
    const Object n = check(PyUnicode_InternFromString(name));
    return _PyType_Lookup(type, n.get()) == _PyType_Lookup(tensor_type, n.get());
}

}  // namespace

void add_operators(std::vector<PyType_Slot>& slots, std::vector<PyMethodDef>& methods) {
    for (const Operator& o : operators_) {
        slots.push_back({o.slot, o.function});
        for (const PyMethodDef& m : o.methods)
            if (m.ml_name) methods.push_back(m);
    }
}

void take_slots(PyTypeObject* type) {
    for (const Operator& o : operators_) {
        const bool same = std::all_of(
            std::begin(o.methods), std::end(o.methods),
            [&](const PyMethodDef& m) { return !m.ml_name || is_as_in_tensor(type, m.ml_name); });
        if (same) slot_of(type, o) = slot_of(tensor_type, o);
    }
    PyType_Modified(type);
}

}  // namespace wg::py
