// The inner loops of elementwise rows, over SIMD vectors. Included by the *.isa.cpp files that fill
// the kernel table; start with ForwardLoop.
#pragma once

#include "cpu/edge.h"
#include "dispatch/kernel_table.h"
#include "ops/row.h"
#include "scalar/probe.h"

namespace wg {
inline namespace WG_ISA {

// The elements that do not fill a vector: they go through the same formula as the others, so that every loop holds it once,
// and the lanes beyond repeat the last element, so that short cuts taken when all lanes agree (power in formulas.h) are
// taken here too. Where masks are cheap the loop itself reads and writes a part of a vector; elsewhere it is run once more,
// on copies.
template <class T>
constexpr bool kPartialVectors = Floating<T> && kCheapEdges;

// `left` elements from p, or as many as there are lanes.
template <class T>
WG_INLINE Vec<T> load_padded(const T* p, int64_t left) {
    using V = Vec<T>;
    if constexpr (kPartialVectors<T>)
        if (left < V::lanes) return Edge<T>(int(left)).load(p, V(p[left - 1]));
    return V::load(p);
}
template <class T>
WG_INLINE void store_some(T* p, Vec<T> v, int64_t left, bool streams) {
    if constexpr (kPartialVectors<T>)
        if (left < Vec<T>::lanes) return Edge<T>(int(left)).store(p, v);
    if constexpr (Floating<T>)
        if (streams) return stream(p, v);
    v.store(p);
}
template <class T>
WG_INLINE bool can_stream(const void* p, const LoopParams& params) {
    return params.streams && reinterpret_cast<uintptr_t>(p) % sizeof(Vec<T>) == 0;
}
// How many elements the last vector of a loop has at least.
template <class T>
constexpr int64_t kFewest = kPartialVectors<T> ? 1 : Vec<T>::lanes;

// The loop over copies. `used`: bit i set when slot i of `in` is read. Out: what is stored as.
template <class T, class Out, unsigned used>
__attribute__((noinline)) void run_tail(LoopFn loop, void* out, const void* const* in, int64_t done,
                                        int64_t left, LoopParams params) {
    using V = Vec<T>;
    constexpr int half = V::lanes / 2;
    alignas(64) T copies[kMaxLoopInputs][V::lanes];
    alignas(64) T result[V::lanes];
    const void* slots[kMaxLoopInputs] = {};
#pragma GCC unroll 8
    for (int s = 0; s < kMaxLoopInputs; ++s) {
        if (!(used >> s & 1)) continue;
        slots[s] = copies[s];
        const T* from = static_cast<const T*>(in[s]) + done;
        // In registers where there are masked loads: a vector that is read after its parts were written waits.
        if constexpr (Floating<T> && kMaskedLoads) {
            Edge<T>(int(left)).load(from, V(from[left - 1])).store(copies[s]);
        } else {
            V(from[left - 1]).store(copies[s]);
            detail::copy_some<half>(copies[s], from, int(left));
        }
    }
    loop(result, slots, V::lanes, params.numbers);
    detail::copy_some<half>(static_cast<Out*>(out) + done, reinterpret_cast<const Out*>(result),
                            int(left));
}

template <class Row, class T, bool IsBool>
void forward_loop(void* out, const void* const* in, int64_t n, LoopParams params) {
    using V = Vec<T>;
    const V p0(params[0]), p1(params[1]), p2(params[2]);
    const T* a = static_cast<const T*>(in[0]);
    const T* b = static_cast<const T*>(in[1]);
    const T* c = static_cast<const T*>(in[2]);
    [[maybe_unused]] const bool streams = can_stream<T>(out, params);
    constexpr int64_t fewest = Row::is_test ? V::lanes : kFewest<T>;
    int64_t i = 0;
    for (; i + fewest <= n; i += V::lanes) {
        const int64_t left = Row::is_test ? V::lanes : n - i;
        const V va = load_padded(a + i, left);
        V vb = va, vc = va;
        if constexpr (Row::arity > 1) vb = load_padded(b + i, left);
        if constexpr (Row::arity > 2) vc = load_padded(c + i, left);
        if constexpr (Row::is_test) {
            Row::forward(va, vb, vc, p0, p1, p2).store_bool(static_cast<uint8_t*>(out) + i);
        } else {
            V r = Row::forward(va, vb, vc, p0, p1, p2);
            if constexpr (IsBool) r = where(r != 0, V(1), V(0));
            store_some(static_cast<T*>(out) + i, r, left, streams);
        }
    }
    if constexpr (!Row::is_test)
        if (streams) stream_end();
    if constexpr (fewest > 1)
        if (i < n)
            run_tail<T, std::conditional_t<Row::is_test, uint8_t, T>, (1u << Row::arity) - 1>(
                &forward_loop<Row, T, IsBool>, out, in, i, n - i, params);
}

// Which of g, a, b, c, y (bits 0 to 4) gradient I of a row reads.
template <class Row, int I>
constexpr unsigned gradient_reads() {
    const Probe p{0};
    return reads(
        Row::template gradient<I>(Probe{1}, Probe{2}, Probe{4}, Probe{8}, Probe{16}, p, p, p));
}

template <class Row, int I, class T>
void gradient_loop(void* out, const void* const* in, int64_t n, LoopParams params) {
    using V = Vec<T>;
    constexpr unsigned used = gradient_reads<Row, I>();
    const V p0(params[0]), p1(params[1]), p2(params[2]);
    const bool streams = can_stream<T>(out, params);
    int64_t i = 0;
    for (; i + kFewest<T> <= n; i += V::lanes) {
        const int64_t left = n - i;
        const auto slot = [&](int s) {
            return load_padded(static_cast<const T*>(in[s]) + i, left);
        };
        V g(0), a(0), b(0), c(0), y(0);
        if constexpr (used & 1) g = slot(0);
        if constexpr (used & 2) a = slot(1);
        if constexpr (used & 4) b = slot(2);
        if constexpr (used & 8) c = slot(3);
        if constexpr (used & 16) y = slot(4);
        const V r = Row::template gradient<I>(g, a, b, c, y, p0, p1, p2);
        store_some(static_cast<T*>(out) + i, r, left, streams);
    }
    if (streams) stream_end();
    if constexpr (kFewest<T> > 1)
        if (i < n) run_tail<T, T, used>(&gradient_loop<Row, I, T>, out, in, i, n - i, params);
}

template <class Row>
void add_float_forward(OpKernels* table) {
    if constexpr (has_floats(Row::dtypes)) {
        OpKernels& k = table[int(Row::op)];
        k.forward[int(DType::Float32)] = forward_loop<Row, float, false>;
        k.forward[int(DType::Float64)] = forward_loop<Row, double, false>;
    }
}

template <class Row>
void add_integer_forward(OpKernels* table) {
    OpKernels& k = table[int(Row::op)];
    if constexpr (has_integers(Row::dtypes)) {
        k.forward[int(DType::UInt8)] = forward_loop<Row, uint8_t, false>;
        k.forward[int(DType::Int8)] = forward_loop<Row, int8_t, false>;
        k.forward[int(DType::Int16)] = forward_loop<Row, int16_t, false>;
        k.forward[int(DType::Int32)] = forward_loop<Row, int32_t, false>;
        k.forward[int(DType::Int64)] = forward_loop<Row, int64_t, false>;
    }
    if constexpr (has_bool(Row::dtypes))
        k.forward[int(DType::Bool)] = forward_loop<Row, uint8_t, true>;
}

template <class Row>
void add_gradients(OpKernels* table) {
    if constexpr (has_floats(Row::dtypes)) {
        OpKernels& k = table[int(Row::op)];
        const auto add = [&]<int I>() {
            k.gradient[I][int(DType::Float32)] = gradient_loop<Row, I, float>;
            k.gradient[I][int(DType::Float64)] = gradient_loop<Row, I, double>;
        };
        add.template operator()<0>();
        if constexpr (Row::arity > 1) add.template operator()<1>();
        if constexpr (Row::arity > 2) add.template operator()<2>();
    }
}

}  // namespace WG_ISA
}  // namespace wg
