// The log of a pass: at level DEBUG of the logger torch.autograd.graph every node says that it runs, and with what.
#pragma once

#include <span>

#include "autograd/node.h"
#include "python.h"

namespace wg::py {

// For as long as it lives, the nodes that some edges lead to write to the log, if somebody wants it. `roots` gives them;
// the pass is one of this level (Note [Levels]), and so are the hooks that write.
class LoggedPass {
public:
    template <class F>
    LoggedPass(uint8_t level, const F& roots) {
        if (!is_wanted()) [[likely]]
            return;
        const auto edges = roots();
        begin(level, {edges.data(), edges.size()});
    }
    ~LoggedPass() {
        if (end_) [[unlikely]]
            end();
    }
    LoggedPass(const LoggedPass&) = delete;

private:
    static bool is_wanted();
    void begin(uint8_t level, std::span<const Edge> roots);
    void end() noexcept;

    Object end_;
};

}  // namespace wg::py
