#include "cpu/scan.h"

#include <algorithm>

#include "base/error.h"
#include "cpu/thread_pool.h"
#include "tensor/unlocked.h"

namespace wg {
namespace {

constexpr int64_t kGrain = 16384;  // elements
constexpr int64_t kTile = 256;  // columns that advance together

template <class T, Scan op>
void scan_typed(const T* in, T* out, int64_t outer, int64_t length, int64_t inner) {
    using C = compute_type<T>;
    using Acc =
        std::conditional_t<std::is_integral_v<T>, uint64_t,
                           std::conditional_t<is_complex_number<T>, Complex<double>, double>>;
    const auto value = [](T x) {
        if constexpr (std::is_integral_v<T>) return Acc(int64_t(x));
        else return Acc(C(x));
    };
    const auto store = [](T& to, Acc value) {
        if constexpr (std::is_integral_v<T>) to = T(value);
        else to = T(C(value));
    };
    const Unlocked unlocked(outer * length * inner >= kLongLoop * kGrain);
    if (inner == 1) {
        parallel_for(0, outer, std::max<int64_t>(1, kGrain / length),
                     [&](int64_t begin, int64_t end) {
                         for (int64_t o = begin; o < end; ++o) {
                             Acc acc = Acc(op == Scan::Product);
                             for (int64_t i = 0, at = o * length; i < length; ++i, ++at) {
                                 if constexpr (op == Scan::Sum) acc += value(in[at]);
                                 else acc = acc * value(in[at]);
                                 store(out[at], acc);
                             }
                         }
                     });
        return;
    }
    const int64_t tiles = (inner + kTile - 1) / kTile;
    const int64_t work = length * std::min(inner, kTile);
    parallel_for(0, outer * tiles, std::max<int64_t>(1, kGrain / work),
                 [&](int64_t begin, int64_t end) {
                     for (int64_t t = begin; t < end; ++t) {
                         const int64_t j = t % tiles * kTile, m = std::min(kTile, inner - j);
                         int64_t at = t / tiles * length * inner + j;
                         Acc acc[kTile];
                         std::fill_n(acc, m, Acc(op == Scan::Product));
                         for (int64_t i = 0; i < length; ++i, at += inner)
                             for (int64_t k = 0; k < m; ++k) {
                                 if constexpr (op == Scan::Sum) acc[k] += value(in[at + k]);
                                 else acc[k] = acc[k] * value(in[at + k]);
                                 store(out[at + k], acc[k]);
                             }
                     }
                 });
}

}  // namespace

void scan(Scan op, DType dtype, const char* in, char* out, int64_t outer, int64_t length,
          int64_t inner) {
    if (outer * length * inner == 0) return;
    visit_any_dtype(dtype, [&](auto tag) {
        using T = typename decltype(tag)::type;
        if constexpr (std::is_same_v<T, bool>) {
            fail(ErrorKind::NotImplemented, "scan: bool");
        } else {
            const T* from = reinterpret_cast<const T*>(in);
            T* to = reinterpret_cast<T*>(out);
            if (op == Scan::Sum) scan_typed<T, Scan::Sum>(from, to, outer, length, inner);
            else scan_typed<T, Scan::Product>(from, to, outer, length, inner);
        }
    });
}

}  // namespace wg
