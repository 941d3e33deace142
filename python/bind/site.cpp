// Where the user's program is: the code object and instruction of the running Python frame, and in anomaly mode all
// frames (Note [Anomaly mode]).
#include "autograd/anomaly.h"
#include "python.h"

#include <frameobject.h>

#include <vector>

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

// Where a frame is in its code: with its own layout a pointer to the instruction, which can be compared without a look
// at the code; else the offset.
#if WG_INTERNAL_FRAME
using Instruction = const char*;
#else
using Instruction = int;
#endif

// A frame as it was when a node was recorded.
struct Place {
    PyCodeObject* code;  // borrowed
    Instruction at;
    int offset() const noexcept {
#if WG_INTERNAL_FRAME
        return int(at - reinterpret_cast<const char*>(_PyCode_CODE(code)));
#else
        return at;
#endif
    }
    bool operator==(const Place&) const = default;
};

// A call in progress: `place` in the function, and the call of the function. In anomaly mode the `code` of a Site is
// the running one (with no instruction, since the Site has its own), marked by the lowest bit.
struct Call {
    uint32_t refs = 0;
    uint32_t depth = 1;  // calls, with this one
    Place place;  // owns the code
    Call* caller = nullptr;  // owned
    Ref<Cause> cause;
    static void destroy(Call* c) noexcept {
        while (c) {
            Call* const next = c->caller;
            Py_DECREF(c->place.code);
            c->~Call();
            pool_free(c, sizeof(Call));
            c = next && --next->refs == 0 ? next : nullptr;
        }
    }
    static Call* make(Place place, Call* caller, Ref<Cause> cause = {}) {
        Py_INCREF(place.code);
        if (caller) ++caller->refs;
        return new (pool_allocate(sizeof(Call)))
            Call{0, caller ? caller->depth + 1 : 1, place, caller, std::move(cause)};
    }
};

bool is_call(const void* p) noexcept { return (reinterpret_cast<uintptr_t>(p) & 1) != 0; }
Call* call_at(const void* p) noexcept {
    return reinterpret_cast<Call*>(reinterpret_cast<uintptr_t>(p) & ~uintptr_t(1));
}
PyCodeObject* code_of(const Site& site) noexcept {
    return is_call(site.code()) ? call_at(site.code())->place.code
                                : static_cast<PyCodeObject*>(site.code());
}

void retain_code(void* code) noexcept {
    if (is_call(code)) [[unlikely]]
        ++call_at(code)->refs;
    else Py_INCREF(static_cast<PyObject*>(code));
}
void release_code(void* code) noexcept {
    if (is_call(code)) [[unlikely]]
        Ref<Call>::steal(call_at(code));
    else Py_DECREF(static_cast<PyObject*>(code));
}

#if WG_INTERNAL_FRAME

// Goes through the frames of this thread, from the running one to its callers.
class Frames {
public:
    Frames() noexcept {
        PyThreadState* state = PyThreadState_GET();
#if PY_VERSION_HEX >= 0x030D0000
        frame_ = state->current_frame;
#else
        frame_ = state->cframe->current_frame;
#endif
    }
    bool at_end() noexcept {
        while (frame_ && _PyFrame_IsIncomplete(frame_)) frame_ = frame_->previous;
        return !frame_;
    }
    void next() noexcept { frame_ = frame_->previous; }
    // Cheaper than at_end() and place().
    // The code of `p` is alive, so that no other has an instruction there.
    bool at(const Place& p) const noexcept { return frame_ && instruction() == p.at; }
    Place place() const noexcept {
#if PY_VERSION_HEX >= 0x030D0000
        return {reinterpret_cast<PyCodeObject*>(frame_->f_executable), instruction()};
#else
        return {frame_->f_code, instruction()};
#endif
    }

    const _PyInterpreterFrame* frame() const noexcept { return frame_; }

private:
    Instruction instruction() const noexcept {
#if PY_VERSION_HEX >= 0x030D0000
        return reinterpret_cast<const char*>(frame_->instr_ptr);
#else
        return reinterpret_cast<const char*>(frame_->prev_instr);
#endif
    }
    _PyInterpreterFrame* frame_;
};

#else

class Frames {
public:
    Frames() noexcept : frame_(Object::borrow(reinterpret_cast<PyObject*>(PyEval_GetFrame()))) {}
    bool at_end() const noexcept { return !frame_; }
    void next() noexcept {
        frame_ = Object::steal(reinterpret_cast<PyObject*>(PyFrame_GetBack(get())));
    }
    bool at(const Place& p) const noexcept { return frame_ && place() == p; }
    Place place() const noexcept {
        PyCodeObject* code = PyFrame_GetCode(get());
        Py_DECREF(code);  // the frame holds it
#if PY_VERSION_HEX >= 0x030B0000
        return {code, PyFrame_GetLasti(get())};
#else
        return {code, get()->f_lasti * int(sizeof(_Py_CODEUNIT))};
#endif
    }

private:
    PyFrameObject* get() const noexcept { return reinterpret_cast<PyFrameObject*>(frame_.get()); }
    Object frame_;
};

#endif

// The callers of a call do not change while it runs, but a frame does not say which call it is: the next one may have its
// place in memory. A frame object does, it lives as long as the call does where nobody else holds it, and a new one is not
// marked. One marked frame spares captures the walk over all that lie behind it (7 instructions each).
class Anchor {
public:
#if WG_INTERNAL_FRAME
    // Whether this frame is of the marked call.
    bool is(const Frames& frames) const noexcept {
        const _PyInterpreterFrame* f = frames.frame();
        return f == frame_ && f && f->frame_obj == object_ && object_->f_trace_lines == kMark;
    }
    // Marks the call `up` levels above the running one.
    void set(size_t up, Ref<Call> callers) noexcept {
        frame_ = nullptr;
        const int collects =
            PyGC_Disable();  // the operation that is being recorded is not to be interrupted
        Object f = Object::borrow(reinterpret_cast<PyObject*>(PyEval_GetFrame()));
        const auto object = [&] { return reinterpret_cast<PyFrameObject*>(f.get()); };
        for (; f && up > 0; --up)
            f = Object::steal(reinterpret_cast<PyObject*>(PyFrame_GetBack(object())));
        if (collects) PyGC_Enable();
        // A generator goes on under other callers. Who traces may want no lines.
        if (!f || object()->f_frame->owner != FRAME_OWNED_BY_THREAD || !object()->f_trace_lines)
            return;
        object_ = object();
        object_->f_trace_lines = kMark;
        frame_ = object_->f_frame;
        callers_ = std::move(callers);
    }
    Call* callers() const noexcept { return callers_.get(); }

private:
    static constexpr char kMark = 2;  // true, which is 1 in an object that nobody has touched
    _PyInterpreterFrame* frame_ = nullptr;
    PyFrameObject* object_ = nullptr;  // borrowed, and perhaps gone
    Ref<Call> callers_;
#else
    bool is(const Frames&) const noexcept { return false; }
    void set(size_t, const Ref<Call>&) noexcept {}
    Call* callers() const noexcept { return nullptr; }
#endif
};

// A walk over this many frames is worth a mark (about as much as 20 of them), on a frame not much higher than the running.
constexpr size_t kLongWalk = 8, kNear = 4;

// The call that is running, as the last node had it where that is the same.
Ref<Call> running_call() {
    static Ref<Call>& last = *new Ref<Call>;
    static Anchor& anchor = *new Anchor;
    const Ref<Cause> cause = Turn::current_cause();
    Frames frames;
    if (frames.at_end()) return {};
    const Place running{frames.place().code, {}};

    // Most often all is as it was.
    if (last && last->place == running && last->cause == cause) {
        const Call* known = last->caller;
        size_t walked = 0;
        for (;; ++walked, known = known->caller) {
            if (anchor.is(frames) && anchor.callers() == known) return last;
            frames.next();
            if (!known ||
                !(frames.at(known->place) || (!frames.at_end() && frames.at(known->place))))
                break;
        }
        if (!known && frames.at_end()) {
            if (walked > kLongWalk) anchor.set(0, Ref<Call>(last->caller));
            return last;
        }
    }

    // What its callers have in common with those of the last node is shared.
    static std::vector<Place>& callers = *new std::vector<Place>;
    callers.clear();
    Call* base = nullptr;  // of the marked frame
    Frames again;
    again.at_end();
    for (;;) {
        if (anchor.is(again)) {
            base = anchor.callers();
            break;
        }
        again.next();
        if (again.at_end()) break;
        callers.push_back(again.place());
    }
    const size_t base_depth = base ? base->depth : 0, depth = base_depth + callers.size();
    Call* from = last ? last->caller : nullptr;
    while (from && from->depth > depth) from = from->caller;
    Call* shared = from;
    for (Call* c = from; c != base; c = c->caller) {
        if (!c || c->depth <= base_depth) {
            shared = base;
            break;
        }
        if (!(callers[depth - c->depth] == c->place)) shared = c->caller;
    }
    const size_t changed = depth - (shared ? shared->depth : 0);
    Ref<Call> call(shared);
    for (size_t i = changed; i-- > 0;) call = Ref<Call>(Call::make(callers[i], call.get()));
    if (callers.size() > kLongWalk) {
        if (changed <= kNear) anchor.set(changed, Ref<Call>(shared));
        else anchor.set(0, call);
    }
    return last = Ref<Call>(Call::make(running, call.get(), cause));
}

[[gnu::noinline]] void capture_calls(Site& site) noexcept {
    try {
        Frames frames;
        if (frames.at_end()) return;
        const int offset = frames.place().offset();
        site.set(reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(running_call().release()) | 1),
                 offset);
    } catch (const std::bad_alloc&) {
    }
}

void capture(Site& site) noexcept {
    if (anomaly_mode.enabled) [[unlikely]]
        return capture_calls(site);
    Frames frames;
    if (frames.at_end()) return;
    const Place place = frames.place();
    Py_INCREF(place.code);
    site.set(place.code, place.offset());
}

}  // namespace

Object stack_lines(const Site& site) {
    if (!is_call(site.code())) return check(PyList_New(0));
    const Call* const running = call_at(site.code());
    Object frames = check(PyList_New(running->depth));
    Py_ssize_t i = running->depth;
    for (const Call* c = running; c; c = c->caller) {
        const int offset = c == running ? int(site.offset()) : c->place.offset();
        PyCodeObject* code = c->place.code;
        PyList_SET_ITEM(frames.get(), --i,
                        check(Py_BuildValue("(OiOO)", code->co_filename,
                                            PyCode_Addr2Line(code, offset), code->co_name, Py_None))
                            .release());
    }
    // As traceback.format_stack would have written it then; also what it does to repeated lines.
    const Object module = check(PyImport_ImportModule("traceback"));
    return check(PyObject_CallMethod(module.get(), "format_list", "O", frames.get()));
}

namespace {

std::string stack_text(const Site& site) {
    if (!is_call(site.code())) return {};
    const WithoutError aside;
    const Object lines = stack_lines(site);
    const Object empty = check(PyUnicode_FromString(""));
    const Object text = check(PyUnicode_Join(empty.get(), lines.get()));
    Py_ssize_t size;
    const char* const utf8 = PyUnicode_AsUTF8AndSize(text.get(), &size);
    if (!utf8) throw PythonError{};
    return {utf8, size_t(size)};
}

const Cause* cause_of(const Site& site) {
    return is_call(site.code()) ? call_at(site.code())->cause.get() : nullptr;
}

}  // namespace

void install_site_provider() {
    site_provider = {capture, retain_code, release_code, stack_text, cause_of};
}

PyObject* resolve_site(const Site& site) {
    if (!site.code()) Py_RETURN_NONE;
    PyCodeObject* const code = code_of(site);
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
