// Operations of a thread as Python watches them: Note [Watched operations] in tensor/watch.h, and Note [Operations
// recorded again] in autograd/replay.h. What is made of it is in whygrad/utils/checkpoint.
#include "watch.h"

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "autograd/replay.h"
#include "convert.h"
#include "cpu/random.h"
#include "graph.h"
#include "ops/elementwise_watch.h"
#include "tensor/watch.h"

namespace wg::py {
namespace {

namespace pb = pybind11;

pb::object owned(PyObject* o) { return pb::reinterpret_steal<pb::object>(check(o).release()); }

pb::object scalar_object(const Scalar& s) {
    switch (s.category()) {
    case Category::Boolean: return pb::bool_(s.to_bool());
    case Category::Integral: return pb::int_(s.to_int());
    default: return pb::float_(s.to_double());
    }
}

struct ToPython {
    pb::object operator()(std::monostate) const { return pb::none(); }
    pb::object operator()(bool v) const { return pb::bool_(v); }
    pb::object operator()(int64_t v) const { return pb::int_(v); }
    pb::object operator()(double v) const { return pb::float_(v); }
    pb::object operator()(const Scalar& v) const { return scalar_object(v); }
    pb::object operator()(const std::string& v) const { return pb::str(v); }
    pb::object operator()(DType v) const {
        return pb::reinterpret_borrow<pb::object>(dtype_object(v));
    }
    pb::object operator()(const Dims& v) const {
        pb::list list;
        for (const int64_t d : v) list.append(d);
        return list;
    }
    pb::object operator()(const Tensor& v) const { return owned(wrap_or_none(v)); }
    pb::object operator()(const std::vector<Tensor>& v) const {
        pb::list list;
        for (const Tensor& t : v) list.append((*this)(t));
        return list;
    }
};

// An operation that is about to run, or has run.
class Call {
public:
    explicit Call(OperationCall& call) : call_(&call) {}

    const char* name() const { return call().name(); }
    pb::tuple args() const {
        pb::list all;
        for (const Argument& a : call().arguments())
            if (!a.keyword) all.append(std::visit(ToPython(), a.value));
        return pb::tuple(all);
    }
    pb::dict kwargs() const {
        pb::dict all;
        for (const Argument& a : call().arguments())
            if (a.keyword) all[a.keyword] = std::visit(ToPython(), a.value);
        return all;
    }
    void run() { results_ = call().run(); }
    // The same, so that it can be recorded again.
    void run_noting() {
        const std::vector<Tensor> inputs = call().tensors();
        std::vector<uint32_t> versions;
        for (const Tensor& t : inputs) versions.push_back(t.version());
        State before, after;
        default_generator().get_state(before.data());
        Notes notes(inputs);
        run();
        replay_ = notes.finish(*results_);
        default_generator().get_state(after.data());
        drew_ = before != after;
        for (size_t i = 0; i < inputs.size(); ++i) wrote_ |= inputs[i].version() != versions[i];
    }
    std::unique_ptr<Replay> take_replay() { return std::move(replay_); }
    void play(Replay& replay) { results_ = replay.play(call().tensors()); }
    bool drew() const { return drew_; }
    bool wrote() const { return wrote_; }
    bool gives_list() const { return call().gives_list(); }
    pb::tuple results() const {
        pb::list all;
        for (const Tensor& t : results_.value_or(std::vector<Tensor>())) all.append(ToPython()(t));
        return pb::tuple(all);
    }

    // The caller goes on.
    std::vector<Tensor> finish() {
        if (!results_) run();
        call_ = nullptr;
        return std::move(*results_);
    }
    void abandon() noexcept { call_ = nullptr; }

private:
    using State = std::array<uint8_t, Generator::kStateBytes>;
    OperationCall& call() const {
        WG_CHECK(call_, "this operation is over");
        return *call_;
    }
    OperationCall* call_;
    std::optional<std::vector<Tensor>> results_;
    std::unique_ptr<Replay> replay_;
    bool drew_ = false, wrote_ = false;
};

class PythonWatcher final : public OperationWatcher {
public:
    explicit PythonWatcher(PyObject* callable) : callable_(Object::borrow(callable)) {}
    std::vector<Tensor> operation(OperationCall& operation) override {
        const Object callable = callable_;  // the watching may end meanwhile
        const auto call = std::make_shared<Call>(operation);
        struct Abandon {
            Call& call;
            ~Abandon() { call.abandon(); }
        } abandon{*call};
        check(PyObject_CallOneArg(callable.get(), pb::cast(call).ptr()));
        return call->finish();
    }

private:
    Object callable_;
};

// Those of this thread. Never destroyed: threads may end after the interpreter.
using Watchers = std::vector<std::unique_ptr<PythonWatcher>>;
Watchers& watchers() {
    thread_local auto* const all = new Watchers;
    return *all;
}

void push(const pb::object& callable) {
    watchers().push_back(std::make_unique<PythonWatcher>(callable.ptr()));
    push_watcher(*watchers().back());
}
// Contexts may be left twice, in another thread, or while the watcher listens: then it is not the innermost.
void pop() {
    translated([] {
        WG_CHECK(!watchers().empty() && innermost_watcher == watchers().back().get(),
                 "the innermost watcher of operations is another one");
        pop_watcher(*watchers().back());
        watchers().pop_back();
    });
}

std::vector<std::string> names() {
    std::vector<std::string> all = elementwise_watch_names();
    all.insert(all.end(), watched_names().begin(), watched_names().end());
    std::ranges::sort(all);
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
}

}  // namespace

void add_watch(pybind11::module_& m) {
    pb::class_<Replay>(m, "_Replay", "How an operation is recorded again without being computed.")
        .def("modified", &Replay::modified);
    pb::class_<Call, std::shared_ptr<Call>>(m, "_OperationCall",
                                            "An operation that those who watch are told of.")
        .def_property_readonly("name",
                               [](const Call& c) { return translated([&] { return c.name(); }); })
        .def_property_readonly("args",
                               [](const Call& c) { return translated([&] { return c.args(); }); })
        .def_property_readonly("kwargs",
                               [](const Call& c) { return translated([&] { return c.kwargs(); }); })
        .def_property_readonly("drew", &Call::drew)
        .def_property_readonly("wrote", &Call::wrote)
        .def_property_readonly(
            "results", [](const Call& c) { return translated([&] { return c.results(); }); })
        .def_property_readonly(
            "gives_list", [](const Call& c) { return translated([&] { return c.gives_list(); }); })
        .def("run", [](Call& c) { translated([&] { c.run(); }); })
        .def("run_noting", [](Call& c) { translated([&] { c.run_noting(); }); })
        .def("take_replay", [](Call& c) { return c.take_replay(); })
        .def("play", [](Call& c, Replay& replay) { translated([&] { c.play(replay); }); });
    m.def("_push_operation_watcher", push,
          "From now on the callable is given every operation of this thread, an _OperationCall.");
    m.def("_pop_operation_watcher", pop);
    m.def(
        "_operation_names",
        [] {
            pb::list all;
            for (const std::string& name : names()) all.append(name);
            return all;
        },
        "\"mm.default\" and all other operations that exist.");
}

}  // namespace wg::py
