// What torch.autograd.profiler records: calls of operations, derivatives, and what the user names.
// While a thread is profiled no argument is plain (Note [Plain arguments]), so every call comes by
// ask_overrides(), which hands it to profiled_call(): nothing is tested where nobody profiles.
#pragma once

#include <vector>

#include "python.h"

namespace wg::py {

// What a thread is recording, handed to one that goes on in its place; gives back what was in its place.
struct ProfilerState {
    bool profiled = false;
    bool recorded_already = false;
    std::vector<int64_t> open;
};
ProfilerState exchange_profiler(ProfilerState state);

// Whether the next call of this thread is one to record: it is profiled, and not just being recorded.
bool is_to_be_profiled() noexcept;
// Runs the call between two looks at the clock. The name is PyTorch's, "aten::add".
Object profiled_call(PyObject* callable, const char* name, PyObject* const* args, Py_ssize_t nargs,
                     PyObject* kwnames);

// A call of a torch.autograd.Function, for as long as this lives; an event of the class's name.
class ProfiledFunction {
public:
    explicit ProfiledFunction(PyObject* cls);
    ~ProfiledFunction();
    ProfiledFunction(const ProfiledFunction&) = delete;

private:
    int64_t index_;
};

void add_profiler(PyObject* module);

}  // namespace wg::py
