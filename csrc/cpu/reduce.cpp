// Cuts a reduction into tiles and shares them out. Start with reduce() at the end.
//
// Note [Tiles of reductions]
// Dims of kept and of reduced indices are sorted by stride and merged where memory allows. A tile is
// the densest reduced dim times (part of) the densest kept dim; loops over the other dims surround
// it. When that gives too few tiles for the threads, the longest reduced dim is cut into pieces whose
// accumulators are combined in order. Where cuts are depends on the shape alone, so that the result
// is the same for any number of threads.
#include "cpu/reduce.h"

#include <algorithm>
#include <memory>

#include "cpu/reduce_kernels.h"
#include "cpu/thread_pool.h"
#include "dispatch/isa.h"

namespace wg {

WG_DECLARE_PER_ISA(void add_sum_kernels(ReduceTable& table);
                   void add_order_kernels(ReduceTable& table);
                   void add_moment_kernels(ReduceTable& table);)

namespace {

struct Table {
    ReduceTable rows;
};

const Table& best_table() {
    static const Table& table = *[] {
        static Table t;
        WG_BEST_ISA(add_sum_kernels)(t.rows);
        WG_BEST_ISA(add_order_kernels)(t.rows);
        WG_BEST_ISA(add_moment_kernels)(t.rows);
        return &t;
    }();
    return table;
}

constexpr int64_t kWorthAThread = 32768;  // elements
constexpr int64_t kPieces = 32;  // of a reduction that is cut

struct ReduceDim {
    int64_t size, stride, out;  // stride in bytes, out in elements
};
using ReduceDims = SmallVector<ReduceDim, 6>;

// Densest first, neighbours merged.
void simplify(ReduceDims& dims) {
    for (size_t i = 1; i < dims.size(); ++i)
        for (size_t j = i; j > 0 && dims[j].stride < dims[j - 1].stride; --j)
            std::swap(dims[j], dims[j - 1]);
    if (dims.size() < 2) return;
    size_t last = 0;
    for (size_t d = 1; d < dims.size(); ++d) {
        ReduceDim& inner = dims[last];
        if (dims[d].stride == inner.stride * inner.size && dims[d].out == inner.out * inner.size)
            inner.size *= dims[d].size;
        else dims[++last] = dims[d];
    }
    dims.resize(last + 1, ReduceDim{});
}

class Reducer {
public:
    Reducer(const ReduceKernel& k, const char* in, char* out, char* second, double param)
        : k_(k), in_(in), out_(out), second_(second), out_item_(int64_t(item_size(k.result))),
          param_(param) {}

    ReduceDims kept, reduced;

    void go(int64_t numel);

private:
    // Runs tile `t` over the part [begin, end) of reduced dim `cut`.
    void tile(int64_t t, int64_t begin, int64_t end, void* acc) const;
    int64_t locate(int64_t t, const char*& p, int64_t& out_at) const;
    void finish(int64_t t, const void* acc) const;

    const ReduceKernel& k_;
    const char* in_;
    char* out_;
    char* second_;
    int64_t out_item_;
    double param_;
    int64_t m_ = 1;  // width of a tile
    int64_t tiles_ = 1;  // along the densest kept dim
    size_t cut_ = 0;
};

// Where tile t begins, and its width.
int64_t Reducer::locate(int64_t t, const char*& p, int64_t& out_at) const {
    p = in_;
    out_at = 0;
    if (kept.empty()) return 1;
    const int64_t j = t % tiles_ * m_;
    t /= tiles_;
    p += j * kept[0].stride;
    out_at += j * kept[0].out;
    for (size_t d = 1; d < kept.size(); ++d) {
        const int64_t i = t % kept[d].size;
        t /= kept[d].size;
        p += i * kept[d].stride;
        out_at += i * kept[d].out;
    }
    return std::min(m_, kept[0].size - j);
}

void Reducer::tile(int64_t t, int64_t begin, int64_t end, void* acc) const {
    const char* p;
    int64_t out_at;
    const int64_t m = locate(t, p, out_at);
    const int64_t sm = kept.empty() ? 0 : kept[0].stride;
    k_.init(acc, m);
    if (reduced.empty()) return k_.run(acc, p, 1, 0, m, sm, 0, param_);
    p += begin * reduced[cut_].stride;
    const auto size = [&](size_t d) { return d == cut_ ? end - begin : reduced[d].size; };
    const int64_t n = size(0), first = cut_ == 0 ? begin : 0;
    SmallVector<int64_t, 6> at(reduced.size(), 0);
    for (;;) {
        k_.run(acc, p, n, reduced[0].stride, m, sm, first, param_);
        size_t d = 1;
        for (; d < reduced.size(); ++d) {
            p += reduced[d].stride;
            if (++at[d] < size(d)) break;
            p -= at[d] * reduced[d].stride;
            at[d] = 0;
        }
        if (d >= reduced.size()) return;
    }
}

void Reducer::finish(int64_t t, const void* acc) const {
    const char* p;
    int64_t out_at;
    const int64_t m = locate(t, p, out_at);
    const int64_t step = kept.empty() ? 0 : kept[0].out;
    const int64_t second_item = int64_t(k_.second_size);
    k_.finish(acc, m, out_ ? out_ + out_at * out_item_ : nullptr, step * out_item_,
              second_ ? second_ + out_at * second_item : nullptr, step * second_item, param_);
}

void Reducer::go(int64_t numel) {
    int64_t tasks = 1;
    if (!kept.empty()) {
        const bool columns = !reduced.empty() && kept[0].stride < reduced[0].stride;
        m_ = columns || reduced.empty()
                 ? kReduceTile
                 : std::clamp<int64_t>(kWorthAThread / reduced[0].size, 1, kReduceTile);
        tiles_ = (kept[0].size + m_ - 1) / m_;
        m_ = std::min(m_, kept[0].size);
        tasks = tiles_;
        for (size_t d = 1; d < kept.size(); ++d) tasks *= kept[d].size;
    }
    for (size_t d = 1; d < reduced.size(); ++d)
        if (reduced[d].size > reduced[cut_].size) cut_ = d;
    const int64_t length = reduced.empty() ? 1 : reduced[cut_].size;
    const int64_t pieces =
        tasks < kPieces / 2 ? std::min({kPieces, length, numel / tasks / kWorthAThread}) : 1;
    if (pieces <= 1) {
        const int64_t grain = std::max<int64_t>(1, kWorthAThread * tasks / numel);
        parallel_for(0, tasks, grain, [&](int64_t begin, int64_t end) {
            alignas(16) char acc[kReduceTile * kMaxAccSize];
            for (int64_t t = begin; t < end; ++t) {
                tile(t, 0, length, acc);
                finish(t, acc);
            }
        });
        return;
    }
    const size_t room = size_t(m_) * k_.acc_size;
    const std::unique_ptr<char[]> accs(new char[size_t(tasks * pieces) * room]);
    const auto acc = [&](int64_t t, int64_t piece) {
        return accs.get() + size_t(t * pieces + piece) * room;
    };
    parallel_for(0, tasks * pieces, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const int64_t t = i / pieces, piece = i % pieces;
            tile(t, length * piece / pieces, length * (piece + 1) / pieces, acc(t, piece));
        }
    });
    for (int64_t t = 0; t < tasks; ++t) {
        const int64_t m = kept.empty() ? 1 : std::min(m_, kept[0].size - t % tiles_ * m_);
        for (int64_t piece = 1; piece < pieces; ++piece) k_.combine(acc(t, 0), acc(t, piece), m);
        finish(t, acc(t, 0));
    }
}

}  // namespace

const ReduceKernel* find_reduction(Reduction op, DType in) noexcept {
    const ReduceKernel& k = best_table().rows[int(op)][int(in)];
    return k.run ? &k : nullptr;
}

const ReduceKernel& reduction(Reduction op, DType in) {
    const ReduceKernel* k = find_reduction(op, in);
    WG_CHECK_NOT_IMPLEMENTED(k, "this reduction is not implemented for '", info(in).scalar_name,
                             "'");
    return *k;
}

DType reduced_dtype(const ReduceKernel& kernel) noexcept { return kernel.result; }
DType reduced_dtype(Reduction op, DType in) { return reduction(op, in).result; }

void reduce(const ReduceKernel& k, DType dtype, const char* in, IntSpan sizes, IntSpan strides,
            uint64_t mask, char* out, char* second, double param) {
    const int64_t item = int64_t(item_size(dtype));
    if (sizes.size() == 1 && mask == 1 && sizes[0] <= kWorthAThread) {
        alignas(16) char acc[kMaxAccSize];
        k.init(acc, 1);
        if (sizes[0] > 0) k.run(acc, in, sizes[0], strides[0] * item, 1, 0, 0, param);
        k.finish(acc, 1, out, 0, second, 0, param);
        return;
    }
    Reducer r(k, in, out, second, param);
    int64_t numel = 1, outputs = 1;
    for (size_t d = sizes.size(); d-- > 0;) {
        numel *= sizes[d];
        if (mask >> d & 1) {
            if (sizes[d] != 1) r.reduced.push_back({sizes[d], strides[d] * item, 0});
        } else {
            if (sizes[d] != 1) r.kept.push_back({sizes[d], strides[d] * item, outputs});
            outputs *= sizes[d];
        }
    }
    if (outputs == 0) return;
    if (numel == 0) {
        alignas(16) char acc[kMaxAccSize];
        k.init(acc, 1);
        for (int64_t i = 0; i < outputs; ++i)
            k.finish(acc, 1, out ? out + i * int64_t(item_size(k.result)) : nullptr, 0,
                     second ? second + i * int64_t(k.second_size) : nullptr, 0, param);
        return;
    }
    simplify(r.reduced);
    simplify(r.kept);
    r.go(numel);
}

}  // namespace wg
