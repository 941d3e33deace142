// What modules answer for names that they lack. In C, because a Python function would stand in the
// traceback between the program's line and the error.
#include <cstring>

#include "python.h"

namespace wg::py {
namespace {

// Whether the running Python frame is at the instruction that takes one name in
// `from module import name`.
bool runs_from_import() {
    PyFrameObject* frame = PyEval_GetFrame();
    if (!frame) return false;
    const Object last =
        check(PyObject_GetAttrString(reinterpret_cast<PyObject*>(frame), "f_lasti"));
    const Object code = Object::steal(reinterpret_cast<PyObject*>(PyFrame_GetCode(frame)));
    const Object bytes = check(PyObject_GetAttrString(code.get(), "co_code"));
    const Object opcodes = check(PyImport_ImportModule("opcode"));
    const Object numbers = check(PyObject_GetAttrString(opcodes.get(), "opmap"));
    const Object import_from = check(PyMapping_GetItemString(numbers.get(), "IMPORT_FROM"));
    const Py_ssize_t at = PyLong_AsSsize_t(last.get());
    if (at < 0 || at >= PyBytes_GET_SIZE(bytes.get())) return false;
    return static_cast<unsigned char>(PyBytes_AS_STRING(bytes.get())[at]) ==
           PyLong_AsLong(import_from.get());
}

// Adds a PEP 678 note to the exception; Python 3.10 does not print it but keeps it.
void add_note(PyObject* error, const std::string& text) {
    const Object note = check(PyUnicode_FromString(text.c_str()));
#if PY_VERSION_HEX >= 0x030b0000
    check(PyObject_CallMethod(error, "add_note", "O", note.get()));
#else
    const Object notes = check(PyList_New(0));
    check(PyList_Append(notes.get(), note.get()));
    check(PyObject_SetAttrString(error, "__notes__", notes.get()));
#endif
}

[[noreturn]] void raise(PyObject* type, const std::string& message, const Object& attributes,
                        const std::string& note) {
    const Object args = check(Py_BuildValue("(s)", message.c_str()));
    const Object error = check(PyObject_Call(type, args.get(), attributes.get()));
    if (!note.empty()) add_note(error.get(), note);
    PyErr_SetObject(type, error.get());
    throw PythonError{};
}

// __getattr__ of the module whose name is `self`.
PyObject* missing_name(PyObject* self, PyObject* name_object) {
    return guarded([&]() -> PyObject* {
        const char* home = PyUnicode_AsUTF8(self);
        const char* name = PyUnicode_AsUTF8(name_object);
        if (!home || !name) throw PythonError{};
        const char* dot = std::strchr(home, '.');
        const std::string module = std::string("torch") + (dot ? dot : "");
        const std::string note = "whygrad does not have " + module + "." + name + " yet";

        const Object modules = Object::borrow(PyImport_GetModuleDict());
        const Object owner = check(PyObject_GetItem(modules.get(), self));
        // A submodule that is still being imported: Python finds it after an AttributeError.
        const Object submodule = check(PyUnicode_FromFormat("%s.%s", home, name));
        const bool loading = PyDict_Contains(modules.get(), submodule.get()) == 1;
        if (!loading && runs_from_import()) {
            Object file = check(PyObject_GetAttrString(owner.get(), "__file__"));
            const Object text = check(PyUnicode_FromFormat(
                "cannot import name %R from '%s' (%S)", name_object, module.c_str(), file.get()));
            raise(PyExc_ImportError, PyUnicode_AsUTF8(text.get()),
                  check(Py_BuildValue("{s:s,s:O}", "name", module.c_str(), "path", file.get())),
                  note);
        }
        // The interpreter and tools probe for `__path__`, `__wrapped__` and the like.
        raise(PyExc_AttributeError, "module '" + module + "' has no attribute '" + name + "'",
              check(Py_BuildValue("{s:O,s:O}", "name", name_object, "obj", owner.get())),
              std::strncmp(name, "__", 2) ? note : "");
    });
}

PyMethodDef missing_name_method_ = {"__getattr__", missing_name, METH_O, nullptr};

PyObject* module_getattr(PyObject*, PyObject* name) {
    return PyCFunction_New(&missing_name_method_, name);
}

PyMethodDef functions_[] = {
    {"_module_getattr", module_getattr, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

void add_dropin(PyObject* module) { check(PyModule_AddFunctions(module, functions_)); }

}  // namespace wg::py
