// C++ exceptions to Python ones, C++ warnings to Python warnings.
#include <exception>

#include "python.h"
#include "tensor/allocator.h"

namespace wg::py {

namespace {

PyObject* type_of(ErrorKind kind) {
    switch (kind) {
    case ErrorKind::Runtime: return PyExc_RuntimeError;
    case ErrorKind::Value: return PyExc_ValueError;
    case ErrorKind::Type: return PyExc_TypeError;
    case ErrorKind::Index: return PyExc_IndexError;
    case ErrorKind::NotImplemented: return PyExc_NotImplementedError;
    case ErrorKind::Memory: return PyExc_MemoryError;
    }
    return PyExc_RuntimeError;
}

void python_warning(WarningKind kind, const std::string& message) {
    PyObject* category =
        kind == WarningKind::Deprecation ? PyExc_DeprecationWarning : PyExc_UserWarning;
    if (!std::current_exception()) {
        if (PyErr_WarnEx(category, message.c_str(), 1) < 0) throw PythonError{};
        return;
    }
    // About an exception in flight, which stays the one that is raised. If the warning is an error, it is printed.
    const WithoutError aside;
    if (PyErr_WarnEx(category, message.c_str(), 1) < 0) PyErr_WriteUnraisable(nullptr);
}

}  // namespace

void set_python_error() noexcept {
    drop_writes();
    try {
        throw;
    } catch (const PythonError&) {
    } catch (const Error& e) {
        PyErr_SetString(type_of(e.kind()), e.what());
    } catch (const OutOfMemory& e) {
        PyErr_SetString(PyExc_RuntimeError, e.what());
    } catch (const std::bad_alloc&) {
        PyErr_NoMemory();
    } catch (const std::exception& e) {
        PyErr_SetString(PyExc_RuntimeError, e.what());
    }
}

void add_runtime_errors() { set_warning_handler(python_warning); }

}  // namespace wg::py
