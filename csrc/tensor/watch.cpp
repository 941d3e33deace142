#include "tensor/watch.h"

namespace wg {

OperationCall::OperationCall(const char* name, std::vector<Argument> arguments)
    : name_(name), arguments_(std::move(arguments)) {
    // PyTorch leaves out keywords that have their default, and positions as long as all that follow have theirs.
    std::erase_if(arguments_, [](const Argument& a) { return a.keyword && a.is_default; });
    size_t positional = 0, needed = 0;
    for (const Argument& a : arguments_) {
        if (a.keyword) break;
        ++positional;
        if (!a.is_default) needed = positional;
    }
    arguments_.erase(arguments_.begin() + int64_t(needed),
                     arguments_.begin() + int64_t(positional));
}

std::vector<Tensor> OperationCall::tensors() const {
    std::vector<Tensor> all;
    for (const Argument& a : arguments_) {
        if (const Tensor* t = std::get_if<Tensor>(&a.value)) all.push_back(*t);
        if (const auto* list = std::get_if<std::vector<Tensor>>(&a.value))
            for (const Tensor& t : *list)
                if (t.defined()) all.push_back(t);
    }
    return all;
}

class WatcherScope {
public:
    // The watcher below the innermost is the innermost for a while.
    WatcherScope() noexcept : previous_(innermost_watcher) {
        innermost_watcher = previous_->below_;
    }
    ~WatcherScope() { innermost_watcher = previous_; }
    WatcherScope(const WatcherScope&) = delete;
    OperationWatcher& watcher() const noexcept { return *previous_; }

    static void push(OperationWatcher& w) noexcept {
        w.below_ = std::exchange(innermost_watcher, &w);
        ++open_watchers;
    }
    static void pop(OperationWatcher& w) noexcept {
        innermost_watcher = w.below_;
        --open_watchers;
    }

private:
    OperationWatcher* previous_;
};

void push_watcher(OperationWatcher& watcher) noexcept { WatcherScope::push(watcher); }
void pop_watcher(OperationWatcher& watcher) noexcept { WatcherScope::pop(watcher); }

std::vector<Tensor> watched_call(OperationCall& call) {
    const WatcherScope scope;
    return scope.watcher().operation(call);
}

std::vector<const char*>& watched_names() {
    static std::vector<const char*> names;
    return names;
}

}  // namespace wg
