#include "cpu/elementwise_loop.h"

#include <algorithm>
#include <cstring>

#include "cpu/cast.h"
#include "cpu/thread_pool.h"

namespace wg::cpu {
namespace {

constexpr int64_t kStreamed = 32 << 20;  // bytes of a result: more than caches have for one program
constexpr int kMaxOperands = kMaxLoopInputs + 1;  // inputs, then the output
constexpr int64_t kBlock =
    1024;  // elements, half as many of 16 bytes; keeps the converted copies in the L1 cache

// The iteration space with dims of length 1 dropped, ordered by the output's memory, merged where all
// operands allow it. Dim 0 is the innermost.
struct Plan {
    int n_operands = 0;
    SmallVector<int64_t, 8> sizes;
    SmallVector<int64_t, 8> strides[kMaxOperands];  // in bytes

    bool can_merge(size_t inner, size_t outer) const {
        for (int k = 0; k < n_operands; ++k)
            if (strides[k][inner] * sizes[inner] != strides[k][outer]) return false;
        return true;
    }
};

Plan make_plan(std::span<const Operand> operands, IntSpan sizes) {
    Plan plan;
    plan.n_operands = int(operands.size());
    SmallVector<int, 8> order;
    for (int d = int(sizes.size()) - 1; d >= 0; --d)
        if (sizes[d] != 1) order.push_back(d);
    // The output is written in memory order; inputs decide between dims the output cannot order.
    const auto before = [&](int a, int b) {
        for (int k = int(operands.size()) - 1; k >= 0; --k) {
            if (!operands[k].data) continue;
            const int64_t sa = operands[k].strides[a], sb = operands[k].strides[b];
            if (sa == 0 || sb == 0 || sa == sb) continue;
            return std::abs(sa) < std::abs(sb);
        }
        return false;
    };
    for (size_t i = 1; i < order.size(); ++i)
        for (size_t j = i; j > 0 && before(order[j], order[j - 1]); --j)
            std::swap(order[j], order[j - 1]);
    for (int d : order) {
        plan.sizes.push_back(sizes[d]);
        for (size_t k = 0; k < operands.size(); ++k)
            plan.strides[k].push_back(operands[k].data ? operands[k].strides[d] *
                                                             int64_t(item_size(operands[k].dtype))
                                                       : 0);
        const size_t last = plan.sizes.size() - 1;
        if (last > 0 && plan.can_merge(last - 1, last)) {
            plan.sizes[last - 1] *= plan.sizes[last];
            plan.sizes.pop_back();
            for (int k = 0; k < plan.n_operands; ++k) plan.strides[k].pop_back();
        }
    }
    if (plan.sizes.empty()) {
        plan.sizes.push_back(1);
        for (int k = 0; k < plan.n_operands; ++k) plan.strides[k].push_back(0);
    }
    return plan;
}

}  // namespace

void contiguous_loop(LoopFn fn, char* out, size_t out_itemsize, const char* const* inputs,
                     int num_inputs, size_t itemsize, int64_t n, const double* params) {
    LoopParams told = params;
    told.streams = n * int64_t(out_itemsize) >= kStreamed;
    parallel_for(0, n, kElementwiseGrain, [&](int64_t begin, int64_t end) {
        const void* in[kMaxLoopInputs] = {};
        for (int k = 0; k < num_inputs; ++k)
            if (inputs[k]) in[k] = inputs[k] + size_t(begin) * itemsize;
        fn(out + size_t(begin) * out_itemsize, in, end - begin, told);
    });
}

void elementwise_loop(LoopFn fn, const Operand& out, std::span<const Operand> inputs, IntSpan sizes,
                      DType compute, DType result, const double* params) {
    const int n_in = int(inputs.size());
    const int n = n_in + 1;
    Operand operands[kMaxOperands];
    std::copy(inputs.begin(), inputs.end(), operands);
    operands[n_in] = out;
    const Plan plan = make_plan({operands, size_t(n)}, sizes);

    const int64_t inner = plan.sizes[0];
    int64_t total = 1;
    for (int64_t s : plan.sizes) total *= s;
    if (total == 0) return;

    // Per operand: read in place (already contiguous in the right dtype) or by way of a buffer.
    bool direct[kMaxOperands] = {};
    CastFn cast[kMaxOperands] = {};
    for (int k = 0; k < n; ++k) {
        if (!operands[k].data) continue;
        const DType wanted = k < n_in ? compute : result;
        direct[k] = operands[k].dtype == wanted && plan.strides[k][0] == int64_t(item_size(wanted));
        if (!direct[k])
            cast[k] =
                k < n_in ? cast_fn(compute, operands[k].dtype) : cast_fn(operands[k].dtype, result);
    }
    const int64_t compute_size = int64_t(item_size(compute)),
                  result_size = int64_t(item_size(result));
    const int64_t block = compute_size > 8 ? kBlock / 2 : kBlock;
    LoopParams told = params;
    told.streams = direct[n_in] && inner == total && total * result_size >= kStreamed;

    parallel_for(0, total, kElementwiseGrain, [&](int64_t begin, int64_t end) {
        alignas(64) char buffers[kMaxOperands][kBlock * 8];
        const char* filled_from[kMaxOperands] = {};  // the one element a constant buffer holds
        int64_t filled[kMaxOperands] = {};
        SmallVector<int64_t, 8> index(plan.sizes.size(), 0);
        int64_t rest = begin;
        for (size_t d = 0; d < plan.sizes.size(); ++d) {
            index[d] = rest % plan.sizes[d];
            rest /= plan.sizes[d];
        }
        char* at[kMaxOperands];
        for (int k = 0; k < n; ++k) {
            at[k] = operands[k].data;
            if (at[k])
                for (size_t d = 0; d < index.size(); ++d) at[k] += index[d] * plan.strides[k][d];
        }
        bool all_direct = true;
        for (int k = 0; k < n; ++k) all_direct = all_direct && (direct[k] || !operands[k].data);
        for (int64_t done = begin; done < end;) {
            int64_t run = std::min(inner - index[0], end - done);
            if (!all_direct) run = std::min(run, block);
            const void* in[kMaxLoopInputs] = {};
            for (int k = 0; k < n_in; ++k) {
                if (!at[k]) continue;
                if (direct[k]) {
                    in[k] = at[k];
                    continue;
                }
                in[k] = buffers[k];
                const int64_t stride = plan.strides[k][0];
                if (stride == 0) {
                    if (filled_from[k] == at[k] && filled[k] >= run) continue;
                    filled_from[k] = at[k];
                    filled[k] = run;
                }
                cast[k](buffers[k], compute_size, at[k], stride, run);
            }
            void* to = direct[n_in] ? at[n_in] : buffers[n_in];
            fn(to, in, run, told);
            if (!direct[n_in])
                cast[n_in](at[n_in], plan.strides[n_in][0], buffers[n_in], result_size, run);

            done += run;
            index[0] += run;
            for (int k = 0; k < n; ++k)
                if (at[k]) at[k] += run * plan.strides[k][0];
            for (size_t d = 0; index[d] == plan.sizes[d] && d + 1 < index.size(); ++d) {
                index[d] = 0;
                ++index[d + 1];
                for (int k = 0; k < n; ++k)
                    if (at[k]) at[k] += plan.strides[k][d + 1] - plan.sizes[d] * plan.strides[k][d];
            }
        }
    });
}

}  // namespace wg::cpu
