// Where the user's program is: the code object and instruction of the running Python frame.
#include "python.h"

#include <frameobject.h>

// The public frame API makes a frame object for every frame it is asked about (~45 ns when each operation
// runs in a fresh frame); the interpreter's own frame costs a few loads. Its layout is known for
// the versions below; others use the public API.
#if PY_VERSION_HEX >= 0x030B0000 && PY_VERSION_HEX < 0x030E0000
#define WG_INTERNAL_FRAME 1
#define Py_BUILD_CORE 1
#include <internal/pycore_frame.h>
#undef Py_BUILD_CORE
#else
#define WG_INTERNAL_FRAME 0
#endif

namespace wg::py {

namespace {

void retain_code(void* code) noexcept { Py_INCREF(static_cast<PyObject*>(code)); }
void release_code(void* code) noexcept { Py_DECREF(static_cast<PyObject*>(code)); }

#if WG_INTERNAL_FRAME

void capture(Site& site) noexcept {
    PyThreadState* state = PyThreadState_GET();
#if PY_VERSION_HEX >= 0x030D0000
    _PyInterpreterFrame* frame = state->current_frame;
#else
    _PyInterpreterFrame* frame = state->cframe->current_frame;
#endif
    if (!frame) return;
#if PY_VERSION_HEX >= 0x030D0000
    PyObject* code = frame->f_executable;
    if (!code || !PyCode_Check(code)) return;
    const char* at = reinterpret_cast<const char*>(frame->instr_ptr);
#else
    PyObject* code = reinterpret_cast<PyObject*>(frame->f_code);
    if (!code || !PyCode_Check(code)) return;
    const char* at = reinterpret_cast<const char*>(frame->prev_instr);
#endif
    Py_INCREF(code);
    site.set(code, at - reinterpret_cast<const char*>(
                            _PyCode_CODE(reinterpret_cast<PyCodeObject*>(code))));
}

#else

void capture(Site& site) noexcept {
    PyFrameObject* frame = PyEval_GetFrame();  // borrowed
    if (!frame) return;
    PyCodeObject* code = PyFrame_GetCode(frame);  // a new reference: the site's
#if PY_VERSION_HEX >= 0x030B0000
    const int offset = PyFrame_GetLasti(frame);
#else
    const int offset = frame->f_lasti * int(sizeof(_Py_CODEUNIT));
#endif
    site.set(code, offset);
}

#endif

}  // namespace

void install_site_provider() { site_provider = {capture, retain_code, release_code}; }

PyObject* resolve_site(const Site& site) {
    if (!site.code()) Py_RETURN_NONE;
    auto* code = static_cast<PyCodeObject*>(site.code());
    const int offset = int(site.offset());
#if PY_VERSION_HEX >= 0x030B0000
    int line = 0, column = 0, end_line = 0, end_column = 0;
    if (!PyCode_Addr2Location(code, offset, &line, &column, &end_line, &end_column)) Py_RETURN_NONE;
    return Py_BuildValue("(OiiiiO)", code->co_filename, line, end_line, column, end_column,
                         code->co_qualname);
#else
    const int line = PyCode_Addr2Line(code, offset);
    return Py_BuildValue("(OiiiiO)", code->co_filename, line, line, -1, -1, code->co_name);
#endif
}

}  // namespace wg::py
