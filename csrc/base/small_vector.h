// SmallVector<T, N>: a vector whose first N elements live inside it, for shapes, edges and gradients.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

// In a loop that copies: keeps the compiler from making a call of memmove of it.
#define WG_NO_MEMMOVE __asm__ volatile("")

namespace wg {

template <class T, int N>
class SmallVector {
public:
    using value_type = T;
    SmallVector() noexcept {}
    explicit SmallVector(size_t n) { resize(n); }
    SmallVector(size_t n, const T& value) { resize(n, value); }
    SmallVector(std::initializer_list<T> values) { append(values.begin(), values.end()); }
    SmallVector(std::span<const T> values) { append(values.data(), values.data() + values.size()); }
    template <class It>
    SmallVector(It first, It last) {
        append(first, last);
    }
    SmallVector(const SmallVector& other) { append(other.begin(), other.end()); }
    SmallVector(SmallVector&& other) noexcept { take(other); }
    ~SmallVector() {
        std::destroy_n(data_, size_);
        if (data_ != inline_data()) [[unlikely]]
            ::operator delete(data_);
    }
    SmallVector& operator=(const SmallVector& other) {
        if (this != &other) {
            clear();
            append(other.begin(), other.end());
        }
        return *this;
    }
    SmallVector& operator=(SmallVector&& other) noexcept {
        if (this != &other) {
            free_all();
            take(other);
        }
        return *this;
    }

    T* data() noexcept { return data_; }
    const T* data() const noexcept { return data_; }
    T* begin() noexcept { return data_; }
    T* end() noexcept { return data_ + size_; }
    const T* begin() const noexcept { return data_; }
    const T* end() const noexcept { return data_ + size_; }
    size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }
    T& operator[](size_t i) noexcept { return data_[i]; }
    const T& operator[](size_t i) const noexcept { return data_[i]; }
    T& front() noexcept { return data_[0]; }
    const T& front() const noexcept { return data_[0]; }
    T& back() noexcept { return data_[size_ - 1]; }
    const T& back() const noexcept { return data_[size_ - 1]; }
    operator std::span<const T>() const noexcept { return {data_, size_}; }

    void clear() noexcept {
        std::destroy_n(data_, size_);
        size_ = 0;
    }
    void reserve(size_t n) {
        if (n > capacity_) grow(n);
    }
    void resize(size_t n, const T& value = T()) {
        reserve(n);
        while (size_ > n) pop_back();
        std::uninitialized_fill(data_ + size_, data_ + n, value);
        size_ = uint32_t(n);
    }
    void push_back(T value) {
        if (size_ == capacity_) grow(size_t(capacity_) * 2);
        new (data_ + size_++) T(std::move(value));
    }
    template <class... Args>
    T& emplace_back(Args&&... args) {
        if (size_ == capacity_) grow(size_t(capacity_) * 2);
        return *new (data_ + size_++) T{std::forward<Args>(args)...};
    }
    void pop_back() noexcept { data_[--size_].~T(); }
    void insert(size_t at, T value) {
        push_back(std::move(value));
        std::rotate(begin() + at, end() - 1, end());
    }
    void erase(size_t at) {
        std::move(begin() + at + 1, end(), begin() + at);
        pop_back();
    }
    template <class It>
    void append(It first, It last) {
        if constexpr (std::is_pointer_v<It>) {
            const size_t n = size_t(last - first);
            reserve(size_ + n);
            T* const to = data_ + size_;
            if constexpr (std::is_trivially_copyable_v<T>) {
                // Short ones, that is nearly all, without a call of memmove.
                if (n <= 4) [[likely]] {
                    for (size_t i = 0; i < n; ++i) {
                        new (to + i) T(first[i]);
                        WG_NO_MEMMOVE;
                    }
                    size_ += uint32_t(n);
                    return;
                }
            }
            std::uninitialized_copy_n(first, n, to);
            size_ += uint32_t(n);
        } else {
            for (; first != last; ++first) push_back(*first);
        }
    }
    bool operator==(const SmallVector& other) const {
        return std::equal(begin(), end(), other.begin(), other.end());
    }

private:
    T* inline_data() noexcept { return reinterpret_cast<T*>(inline_); }
    [[gnu::noinline]] void grow(size_t n) {
        T* fresh = static_cast<T*>(::operator new(n * sizeof(T)));
        std::uninitialized_move_n(data_, size_, fresh);
        std::destroy_n(data_, size_);
        if (data_ != inline_data()) ::operator delete(data_);
        data_ = fresh;
        capacity_ = uint32_t(n);
    }
    void free_all() noexcept {
        std::destroy_n(data_, size_);
        if (data_ != inline_data()) ::operator delete(data_);
        data_ = inline_data();
        size_ = 0;
        capacity_ = N;
    }
    // Only called on an empty vector with inline storage.
    void take(SmallVector& other) noexcept {
        if (other.data_ != other.inline_data()) {
            data_ = std::exchange(other.data_, other.inline_data());
            size_ = std::exchange(other.size_, 0);
            capacity_ = std::exchange(other.capacity_, N);
        } else if constexpr (std::is_trivially_copyable_v<T> && sizeof(inline_) <= 64) {
            // All of it: a few moves, where a number of bytes known at run time is a call.
            std::memcpy(inline_, other.inline_, sizeof(inline_));
            size_ = std::exchange(other.size_, 0);
        } else {
            std::uninitialized_move_n(other.data_, other.size_, data_);
            size_ = other.size_;
            other.clear();
        }
    }

    T* data_ = inline_data();
    uint32_t size_ = 0;
    uint32_t capacity_ = N;
    alignas(T) unsigned char inline_[N * sizeof(T)];
};

}  // namespace wg
