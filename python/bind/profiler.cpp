// Start with Recording: an event is open from begin() to end(). Python turns the list that stop() gives into
// tables and traces (whygrad/autograd/profiler_util.py).
#include "profiler.h"

#include <chrono>
#include <deque>
#include <vector>

#include "autograd/engine.h"
#include "convert.h"
#include "override.h"
#include "tensor/allocator.h"
#include "tensor/watch.h"

namespace wg::py {
namespace {

struct Options {
    bool shapes = false, memory = false, stack = false;
};

// What an event is, by PyTorch's numbers.
enum class Scope : int { Function = 0, Derivative = 1, User = 7 };

struct Event {
    std::string name;
    Scope scope;
    int64_t begin_ns, end_ns = -1;
    int64_t parent;  // its index, or -1
    unsigned long thread;
    int64_t sequence_nr =
        -1;  // of the derivative's node, or what the next node had when a call began
    int64_t bytes = 0;  // allocated less freed in the meantime
    Object shapes, stack;
    bool computes = false;  // what it is the call of has been seen below it
};

struct Recording {
    Options options;
    std::deque<Event> events;
};
Recording* recording_ = nullptr;  // one at a time
thread_local bool profiled_ = false;
thread_local bool recorded_already_ = false;  // the call that is just about to run
thread_local std::vector<int64_t> open_;  // events, the innermost last

int64_t now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

Object shape_of(PyObject* o) {
    if (is_tensor(o)) {
        const Object tuple = check(wrap_ints(tensor_of(o).sizes()));
        return check(PySequence_List(tuple.get()));
    }
    Object list = check(PyList_New(0));
    if ((PyTuple_Check(o) || PyList_Check(o)) && is_tensor_sequence(o))
        for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o); ++i)
            check(PyList_Append(list.get(), shape_of(PySequence_Fast_GET_ITEM(o, i)).get()));
    return list;
}

struct ShapeOf {
    Object operator()(const Tensor& t) const { return shape(t); }
    Object operator()(const std::vector<Tensor>& list) const {
        Object shapes = check(PyList_New(0));
        for (const Tensor& t : list) check(PyList_Append(shapes.get(), shape(t).get()));
        return shapes;
    }
    template <class Other>
    Object operator()(const Other&) const {
        return check(PyList_New(0));
    }

private:
    static Object shape(const Tensor& t) {
        const Object tuple = check(wrap_ints(t.defined() ? t.sizes() : IntSpan()));
        return check(PySequence_List(tuple.get()));
    }
};

// The frames of Python, the innermost first, as "file(line): function".
Object stack_here() {
    static PyObject* const walk = [] {
        const Object m = check(PyImport_ImportModule("whygrad.autograd.profiler_util"));
        return check(PyObject_GetAttrString(m.get(), "_stack_here")).release();
    }();
    return check(PyObject_CallNoArgs(walk));
}

int64_t begin(std::string name, Scope scope, int64_t sequence_nr = -1) {
    Event e{std::move(name),
            scope,
            0,
            -1,
            open_.empty() ? -1 : open_.back(),
            PyThread_get_thread_ident(),
            sequence_nr,
            0,
            {},
            {}};
    if (recording_->options.stack) e.stack = stack_here();
    if (recording_->options.memory) e.bytes = -int64_t(memory_stats().allocated);
    const auto index = int64_t(recording_->events.size());
    recording_->events.push_back(std::move(e));
    open_.push_back(index);
    recording_->events.back().begin_ns = now_ns();
    return index;
}

// Also ends what was begun within it and has not ended. Nothing happens after the recording has been taken.
void end(int64_t index) noexcept {
    const int64_t at = now_ns();
    if (!recording_) return;
    while (!open_.empty() && open_.back() >= index) {
        Event& e = recording_->events[size_t(open_.back())];
        e.end_ns = at;
        if (recording_->options.memory) e.bytes += int64_t(memory_stats().allocated);
        open_.pop_back();
    }
}

struct End {
    int64_t index;
    ~End() { end(index); }
};

// What calls and derivatives are composed of, as far as it is watched (Note [Watched operations]).
struct Operations final : OperationWatcher {
    std::vector<Tensor> operation(OperationCall& call) override {
        if (!profiled_ || !recording_) return call.run();
        std::string name = "aten::" + std::string(call.name());
        name.resize(std::min(name.size(), name.find('.')));
        if (!open_.empty()) {
            Event& above = recording_->events[size_t(open_.back())];
            if (above.name == name && !std::exchange(above.computes, true)) return call.run();
        }
        const bool may_record = grad_enabled() && !call.tensors().empty();
        const End at_end{
            begin(std::move(name), Scope::Function, may_record ? int64_t(next_sequence_nr()) : -1)};
        if (recording_->options.shapes) {
            Object list = check(PyList_New(0));
            for (const Argument& a : call.arguments())
                check(PyList_Append(list.get(), std::visit(ShapeOf(), a.value).get()));
            recording_->events[size_t(at_end.index)].shapes = std::move(list);
        }
        return call.run();
    }
};
thread_local Operations of_calls_, of_derivatives_;
thread_local bool calls_are_watched_ = false;

void watch_calls() noexcept {
    if (!std::exchange(calls_are_watched_, true)) push_watcher(of_calls_);
}
// Where another watcher has come on top it goes on watching, and has nobody to tell.
void unwatch_calls() noexcept {
    if (innermost_watcher != &of_calls_) return;
    pop_watcher(of_calls_);
    calls_are_watched_ = false;
}

struct Derivatives final : NodeObserver {
    int64_t begin_turn(const Node& n) override {
        return profiled_ ? begin("autograd::engine::evaluate_function: " + n.name(),
                                 Scope::Function, int64_t(n.sequence_nr))
                         : -1;
    }
    int64_t begin_derivative(const Node& n) override {
        if (!profiled_) return -1;
        // A pass is not watched.
        if (!innermost_watcher) push_watcher(of_derivatives_);
        return begin(n.name(), Scope::Derivative, int64_t(n.sequence_nr));
    }
    void end(int64_t index) noexcept override {
        if (index < 0) return;
        if (innermost_watcher == &of_derivatives_) pop_watcher(of_derivatives_);
        py::end(index);
    }
} derivatives_;

Recording* stop_recording() {
    end(0);
    profiled_ = false;
    unwatch_calls();
    node_observer = nullptr;
    count_open_modes(-1);
    return std::exchange(recording_, nullptr);
}

PyObject* start(PyObject*, PyObject* const* args, Py_ssize_t n) {
    return guarded([&]() -> PyObject* {
        if (n != 3) fail_type("_profiler_start(record_shapes, profile_memory, with_stack)");
        // As in PyTorch, what another one has recorded is lost.
        if (recording_) delete stop_recording();
        recording_ = new Recording;
        recording_->options = {args[0] == Py_True, args[1] == Py_True, args[2] == Py_True};
        profiled_ = true;
        open_.clear();
        watch_calls();
        node_observer = &derivatives_;
        count_open_modes(+1);
        Py_RETURN_NONE;
    });
}

Object as_tuple(const Event& e) {
    const auto or_none = [](const Object& o) { return o ? o.get() : Py_None; };
    return check(Py_BuildValue("(siLLLkLLOO)", e.name.c_str(), int(e.scope), (long long)e.begin_ns,
                               (long long)e.end_ns, (long long)e.parent, e.thread,
                               (long long)e.sequence_nr, (long long)e.bytes, or_none(e.shapes),
                               or_none(e.stack)));
}

// The events as tuples (name, scope, begin and end in ns, parent's index, thread, sequence number, bytes,
// shapes, stack), in the order in which they began; none if another recording has taken the place of this one.
PyObject* stop(PyObject*, PyObject*) {
    return guarded([&] {
        Object list = check(PyList_New(0));
        if (!recording_) return list.release();
        const std::unique_ptr<Recording> done(stop_recording());
        for (const Event& e : done->events) check(PyList_Append(list.get(), as_tuple(e).get()));
        return list.release();
    });
}

// Of record_function: the event's index, or -1 where nobody records.
PyObject* enter(PyObject*, PyObject* name) {
    return guarded([&] {
        if (!profiled_ || !recording_) return PyLong_FromLong(-1);
        const char* text = PyUnicode_AsUTF8(name);
        if (!text) throw PythonError{};
        return PyLong_FromLongLong(begin(text, Scope::User));
    });
}
PyObject* leave(PyObject*, PyObject* index) {
    return guarded([&]() -> PyObject* {
        const int64_t i = to_int64(index);
        if (profiled_ && i >= 0) end(i);
        Py_RETURN_NONE;
    });
}

PyMethodDef functions_[] = {
    {"_profiler_start", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(start)),
     METH_FASTCALL, nullptr},
    {"_profiler_stop", stop, METH_NOARGS, nullptr},
    {"_profiler_enter", enter, METH_O, nullptr},
    {"_profiler_leave", leave, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

ProfilerState exchange_profiler(ProfilerState state) {
    return {std::exchange(profiled_, state.profiled),
            std::exchange(recorded_already_, state.recorded_already),
            std::exchange(open_, std::move(state.open))};
}

bool is_to_be_profiled() noexcept { return profiled_ && !std::exchange(recorded_already_, false); }

Object profiled_call(PyObject* callable, const char* name, PyObject* const* args, Py_ssize_t nargs,
                     PyObject* kwnames) {
    const bool may_record =
        grad_enabled() && nargs > 0 && (is_tensor(args[0]) || is_tensor_sequence(args[0]));
    const int64_t index = begin(std::string("aten::") + name, Scope::Function,
                                may_record ? int64_t(next_sequence_nr()) : -1);
    struct EndOfCall {
        int64_t index;
        ~EndOfCall() {
            recorded_already_ = false;
            end(index);
        }
    } at_end{index};
    if (recording_->options.shapes) {
        Object list = check(PyList_New(0));
        const Py_ssize_t all = nargs + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0);
        for (Py_ssize_t i = 0; i < all; ++i)
            check(PyList_Append(list.get(), shape_of(args[i]).get()));
        recording_->events[size_t(index)].shapes = std::move(list);
    }
    recorded_already_ = true;
    return check(PyObject_Vectorcall(callable, args, size_t(nargs), kwnames));
}

ProfiledFunction::ProfiledFunction(PyObject* cls)
    : index_(profiled_ && recording_ ? begin(_PyType_Name(reinterpret_cast<PyTypeObject*>(cls)),
                                             Scope::Function, int64_t(next_sequence_nr()))
                                     : -1) {}
ProfiledFunction::~ProfiledFunction() {
    if (index_ >= 0) end(index_);
}

void add_profiler(PyObject* module) { check(PyModule_AddFunctions(module, functions_)); }

}  // namespace wg::py
