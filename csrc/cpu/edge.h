// The end of a row: a vector of which only the first lanes exist.
#pragma once

#include "scalar/vec.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace wg {
inline namespace WG_ISA {

#if defined(__AVX2__)
constexpr bool kMaskedLoads = true;
#else
constexpr bool kMaskedLoads = false;
#endif

// The first `count` lanes of a vector; nothing beyond them is read or written.
template <class T>
struct Edge;

#if defined(__AVX512F__)
constexpr bool kCheapEdges = true;  // a masked load costs as much as any
template <>
struct Edge<float> {
    __mmask16 mask;
    WG_INLINE explicit Edge(int count) : mask(__mmask16((1u << count) - 1)) {}
    WG_INLINE Vec<float> load(const float* p) const {
        return Vec<float>::from_raw(_mm512_maskz_loadu_ps(mask, p));
    }
    // The others are as `rest`.
    WG_INLINE Vec<float> load(const float* p, Vec<float> rest) const {
        return Vec<float>::from_raw(_mm512_mask_loadu_ps(rest.raw, mask, p));
    }
    WG_INLINE void store(float* p, Vec<float> v) const { _mm512_mask_storeu_ps(p, mask, v.raw); }
};
template <>
struct Edge<double> {
    __mmask8 mask;
    WG_INLINE explicit Edge(int count) : mask(__mmask8((1u << count) - 1)) {}
    WG_INLINE Vec<double> load(const double* p) const {
        return Vec<double>::from_raw(_mm512_maskz_loadu_pd(mask, p));
    }
    WG_INLINE Vec<double> load(const double* p, Vec<double> rest) const {
        return Vec<double>::from_raw(_mm512_mask_loadu_pd(rest.raw, mask, p));
    }
    WG_INLINE void store(double* p, Vec<double> v) const { _mm512_mask_storeu_pd(p, mask, v.raw); }
};
#else
constexpr bool kCheapEdges = false;
template <class T>
struct Edge {
    int count;
    WG_INLINE explicit Edge(int n) : count(n) {}
#if defined(__AVX2__)
    // Only to load: masked stores take tens of cycles on some machines.
    WG_INLINE Vec<T> load(const T* p) const {
        if constexpr (sizeof(T) == 4) return Vec<T>::from_raw(_mm256_maskload_ps(p, lanes()));
        else return Vec<T>::from_raw(_mm256_maskload_pd(p, lanes()));
    }
    WG_INLINE Vec<T> load(const T* p, Vec<T> rest) const {
        if constexpr (sizeof(T) == 4)
            return Vec<T>::from_raw(
                _mm256_blendv_ps(rest.raw, load(p).raw, _mm256_castsi256_ps(lanes())));
        else
            return Vec<T>::from_raw(
                _mm256_blendv_pd(rest.raw, load(p).raw, _mm256_castsi256_pd(lanes())));
    }
    WG_INLINE __m256i lanes() const {
        return _mm256_loadu_si256(
            reinterpret_cast<const __m256i*>(kLanesBefore + 8 - count * int(sizeof(T) / 4)));
    }
#else
    WG_INLINE Vec<T> load(const T* p) const { return Vec<T>::load(p, count); }
#endif
    WG_INLINE void store(T* p, Vec<T> v) const { v.store(p, count); }

    static constexpr int32_t kLanesBefore[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
};
#endif

}  // namespace WG_ISA
}  // namespace wg
