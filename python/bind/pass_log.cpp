#include "pass_log.h"

#include "autograd/transform.h"
#include "graph.h"

namespace wg::py {

// Asked for every pass, so that it must cost next to nothing. Nobody has set a level before the module logging is there,
// which whygrad does not import by itself. Afterwards the logger remembers in a dict which levels are enabled, until
// any level changes; a Python that has no such dict is asked in the slow way.
bool LoggedPass::is_wanted() {
    static PyObject* const modules = PyImport_GetModuleDict();
    static PyObject* const module_name = PyUnicode_InternFromString("logging");
    static PyObject* const debug = PyLong_FromLong(10);
    static PyObject *logger = nullptr, *known = nullptr;
    if (!logger) {
        PyObject* const module = PyDict_GetItemWithError(modules, module_name);
        if (!module || !PyObject_HasAttrString(module, "getLogger")) return false;
        logger =
            check(PyObject_CallMethod(module, "getLogger", "s", "torch.autograd.graph")).release();
        known = PyObject_GetAttrString(logger, "_cache");
        if (!known || !PyDict_Check(known)) {
            PyErr_Clear();
            Py_CLEAR(known);
        }
    }
    if (known)
        if (PyObject* const found = PyDict_GetItemWithError(known, debug)) return found == Py_True;
    return check(PyObject_CallMethod(logger, "isEnabledFor", "O", debug)).get() == Py_True;
}

void LoggedPass::begin(uint8_t level, std::span<const Edge> roots) {
    Object nodes = check(PyList_New(0));
    for (const Edge& e : roots) {
        // As in PyTorch, a leaf that is in no graph has nothing to say.
        if (!e || (e.node->is_accumulator && e.node->refs == 1)) continue;
        check(PyList_Append(nodes.get(), check(wrap_node(e.node.get())).get()));
    }
    const Object graph = check(PyImport_ImportModule("whygrad.autograd.graph"));
    struct AtLevel {
        uint8_t before;
        ~AtLevel() { transform_level = before; }
    } at_level{std::exchange(transform_level, level)};
    end_ = check(PyObject_CallMethod(graph.get(), "_log_nodes", "O", nodes.get()));
}

void LoggedPass::end() noexcept {
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    Py_XDECREF(PyObject_CallNoArgs(end_.get()));
    if (PyErr_Occurred()) PyErr_WriteUnraisable(end_.get());
    PyErr_Restore(type, value, trace);
}

}  // namespace wg::py
