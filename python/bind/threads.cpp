// Python's side of Note [Loops without the lock] and of Note [Deep nesting]: when the interpreter's recursion limit
// comes near, and how a function runs on another thread in the place of this one.
#include <unistd.h>

#include <thread>

#include "autograd/engine.h"
#include "graph.h"
#include "override.h"
#include "profiler.h"
#include "python.h"
#include "tensor/unlocked.h"

namespace wg::py {
namespace {

// More than half of what the interpreter allows is used.
bool is_short() {
    PyThreadState* const s = PyThreadState_Get();
#if PY_VERSION_HEX >= 0x030C0000
    return s->py_recursion_remaining < s->py_recursion_limit / 2;
#elif PY_VERSION_HEX >= 0x030B0000
    return s->recursion_remaining < s->recursion_limit / 2;
#else
    return s->recursion_depth > Py_GetRecursionLimit() / 2;
#endif
}

struct PendingError {
    PyObject *type = nullptr, *value = nullptr, *trace = nullptr;
};

// The other thread has the lock, and what this one's operations depend on, while this one waits.
void run_elsewhere(const std::function<void()>& f) {
    PyInterpreterState* const interpreter = PyThreadState_Get()->interp;
    const Object context = check(PyContext_CopyCurrent());
    void* const hooks = saved_hooks_of_thread();
    OverrideState overrides = exchange_overrides({});
    ProfilerState profiler = exchange_profiler({});
    PendingError error;
    const auto body = [&] {
        PyThreadState* const own = PyThreadState_New(interpreter);
        PyEval_AcquireThread(own);
        share_saved_hooks(hooks);
        exchange_overrides(std::move(overrides));
        exchange_profiler(std::move(profiler));
        PyContext_Enter(context.get());
        f();
        PyErr_Fetch(&error.type, &error.value, &error.trace);
        PyContext_Exit(context.get());
        share_saved_hooks(nullptr);
        overrides = exchange_overrides({});
        profiler = exchange_profiler({});
        PyThreadState_Clear(own);
        PyThreadState_DeleteCurrent();
    };
    {
        struct Waiting {
            PyThreadState* state = PyEval_SaveThread();
            ~Waiting() { PyEval_RestoreThread(state); }
        } waiting;
        std::thread(body).join();
    }
    exchange_overrides(std::move(overrides));
    exchange_profiler(std::move(profiler));
    if (error.type) PyErr_Restore(error.type, error.value, error.trace);
}

bool is_finalizing() noexcept {
#if PY_VERSION_HEX >= 0x030D0000
    return Py_IsFinalizing();
#else
    return _Py_IsFinalizing();
#endif
}
// While the interpreter is torn down its last thread keeps the lock.
void* release() noexcept { return is_finalizing() ? nullptr : PyEval_SaveThread(); }
void acquire(void* released) noexcept {
    try {
        PyEval_RestoreThread(static_cast<PyThreadState*>(released));
    } catch (...) {
        // Another thread is ended where it asks for the lock then, which unwinds its stack. It waits for the end of
        // the process instead: what it would destroy belongs to those who have the lock.
        for (;;) pause();
    }
}

}  // namespace

void install_thread_providers() {
    stack_provider = {is_short, run_elsewhere};
    lock_provider = {release, acquire};
}

}  // namespace wg::py
