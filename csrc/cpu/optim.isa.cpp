// The loops of optimizers. Products and sums stand in PyTorch's order and are rounded together where it
// rounds them together, so that parameters follow its to the last digits over many steps.
#include "cpu/optim.h"
#include "cpu/elements.h"
#include "scalar/math.h"

namespace wg {
inline namespace WG_ISA {
namespace {

template <class T>
void sgd(const SgdPass& o, char* param, const char* grad, char* buffer, int64_t n) {
    using C = compute_type<T>;
    constexpr int W = kLanes<C>;
    using V = Vec<C, W>;
    T* x = reinterpret_cast<T*>(param);
    const T* g = reinterpret_cast<const T*>(grad);
    T* m = reinterpret_cast<T*>(buffer);
    const V lr(C(o.lr)), momentum(C(o.momentum)), keep(C(1 - o.dampening)),
        decay(C(o.weight_decay));
    for_vectors<W>(n, [&](int64_t i, int lanes) __attribute__((always_inline)) {
        V d = load_elements<W>(g + i, lanes);
        const V w = load_elements<W>(x + i, lanes);
        if (o.maximize) d = -d;
        if (o.weight_decay != 0) d = detail::mad(decay, w, d);
        if (m) {
            const V v =
                o.first ? d : detail::mad(keep, d, load_elements<W>(m + i, lanes) * momentum);
            store_elements<W>(m + i, v, lanes);
            d = o.nesterov ? detail::mad(momentum, v, d) : v;
        }
        store_elements<W>(x + i, detail::mad(-lr, d, w), lanes);
    });
}

template <class T>
void adam(const AdamPass& o, char* param, const char* grad, char* avg, char* avg_sq,
          char* max_avg_sq, int64_t n) {
    using C = compute_type<T>;
    constexpr int W = kLanes<C>;
    using V = Vec<C, W>;
    T* x = reinterpret_cast<T*>(param);
    const T* g = reinterpret_cast<const T*>(grad);
    T* m = reinterpret_cast<T*>(avg);
    T* v = reinterpret_cast<T*>(avg_sq);
    T* top = reinterpret_cast<T*>(max_avg_sq);
    const V w1(C(1 - o.beta1)), beta2(C(o.beta2)), w2(C(1 - o.beta2)), eps(C(o.eps)),
        step_size(C(o.step_size)), root(C(o.root)), decay(C(o.weight_decay)),
        shrink(C(1 - o.lr * o.weight_decay));
    const bool near = C(1 - o.beta1) < C(0.5);
    const bool couples = o.weight_decay != 0 && !o.decoupled,
               decouples = o.weight_decay != 0 && o.decoupled;
    for_vectors<W>(n, [&](int64_t i, int lanes) __attribute__((always_inline)) {
        V d = load_elements<W>(g + i, lanes), w = load_elements<W>(x + i, lanes);
        if (o.maximize) d = -d;
        if (decouples) w = w * shrink;
        if (couples) d = detail::mad(decay, w, d);
        const V m0 = load_elements<W>(m + i, lanes), v0 = load_elements<W>(v + i, lanes);
        // lerp(m0, d, w1) from the end that is nearer
        const V mi = near ? detail::mad(w1, d - m0, m0) : detail::mad(w1 - 1, d - m0, d);
        const V vi = detail::mad(w2 * d, d, v0 * beta2);
        store_elements<W>(m + i, mi, lanes);
        store_elements<W>(v + i, vi, lanes);
        V scale = vi;
        if (top) {
            const V before = load_elements<W>(top + i, lanes);
            scale = where(before > vi, before, vi);
            store_elements<W>(top + i, scale, lanes);
        }
        store_elements<W>(x + i, w - step_size * (mi / (sqrt(scale) / root + eps)), lanes);
    });
}

template <class T>
void add_for_type(optim_impl::Kernels& k) {
    k.sgd[int(dtype_of<T>)] = &sgd<T>;
    k.adam[int(dtype_of<T>)] = &adam<T>;
}

}  // namespace

const optim_impl::Kernels& optim_kernels() {
    static const optim_impl::Kernels kernels = [] {
        optim_impl::Kernels k = {};
        add_for_type<float>(k);
        add_for_type<double>(k);
        add_for_type<Half>(k);
        add_for_type<BFloat16>(k);
        return k;
    }();
    return kernels;
}

}  // namespace WG_ISA
}  // namespace wg
