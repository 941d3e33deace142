// The inner loops of elementwise rows, over SIMD vectors. Included by the *.isa.cpp files that fill
// the kernel table; start with ForwardLoop.
#pragma once

#include "cpu/edge.h"
#include "dispatch/kernel_table.h"
#include "ops/row.h"
#include "scalar/probe.h"

namespace wg {
inline namespace WG_ISA {

// The elements that do not fill a vector: run as one full vector, so that every loop holds its formula
// once. The padding repeats the last element, so that short cuts taken when all lanes agree (power in
// formulas.h) are taken here too. `used`: bit i set when slot i of `in` is read. Out: what is stored as.
template <class T, class Out, unsigned used>
__attribute__((noinline)) void run_tail(LoopFn loop, void* out, const void* const* in, int64_t done,
                                        int64_t left, const double* params) {
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
            where(V::iota() < T(left), Edge<T>(int(left)).load(from), V(from[left - 1]))
                .store(copies[s]);
        } else {
            V(from[left - 1]).store(copies[s]);
            detail::copy_some<half>(copies[s], from, int(left));
        }
    }
    loop(result, slots, V::lanes, params);
    Out* const to = static_cast<Out*>(out) + done;
    if constexpr (std::is_same_v<Out, T> && Floating<T> && kCheapEdges)
        Edge<T>(int(left)).store(to, V::load(result));
    else detail::copy_some<half>(to, reinterpret_cast<const Out*>(result), int(left));
}

template <class Row, class T, bool IsBool>
void forward_loop(void* out, const void* const* in, int64_t n, const double* params) {
    using V = Vec<T>;
    const V p0(params[0]), p1(params[1]), p2(params[2]);
    const T* a = static_cast<const T*>(in[0]);
    const T* b = static_cast<const T*>(in[1]);
    const T* c = static_cast<const T*>(in[2]);
    int64_t i = 0;
    for (; i + V::lanes <= n; i += V::lanes) {
        const V va = V::load(a + i);
        V vb = va, vc = va;
        if constexpr (Row::arity > 1) vb = V::load(b + i);
        if constexpr (Row::arity > 2) vc = V::load(c + i);
        if constexpr (Row::is_test) {
            Row::forward(va, vb, vc, p0, p1, p2).store_bool(static_cast<uint8_t*>(out) + i);
        } else {
            V r = Row::forward(va, vb, vc, p0, p1, p2);
            if constexpr (IsBool) r = where(r != 0, V(1), V(0));
            r.store(static_cast<T*>(out) + i);
        }
    }
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
void gradient_loop(void* out, const void* const* in, int64_t n, const double* params) {
    using V = Vec<T>;
    constexpr unsigned used = gradient_reads<Row, I>();
    const V p0(params[0]), p1(params[1]), p2(params[2]);
    const auto slot = [&](int s) { return static_cast<const T*>(in[s]); };
    int64_t i = 0;
    for (; i + V::lanes <= n; i += V::lanes) {
        V g(0), a(0), b(0), c(0), y(0);
        if constexpr (used & 1) g = V::load(slot(0) + i);
        if constexpr (used & 2) a = V::load(slot(1) + i);
        if constexpr (used & 4) b = V::load(slot(2) + i);
        if constexpr (used & 8) c = V::load(slot(3) + i);
        if constexpr (used & 16) y = V::load(slot(4) + i);
        const V r = Row::template gradient<I>(g, a, b, c, y, p0, p1, p2);
        r.store(static_cast<T*>(out) + i);
    }
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
