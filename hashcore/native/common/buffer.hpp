// Memory that is not cleared, on large pages where it is large and the system has them.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <new>
#include <utility>

namespace hashcore {

// The allocator of buffers, and of vectors that name it.
template <class T>
struct LargePages {
    using value_type = T;
    static constexpr std::size_t page = std::size_t(1) << 21;

    LargePages() = default;
    template <class Other>
    LargePages(const LargePages<Other>&) {}

    static T* allocate(std::size_t size) {
        const std::size_t bytes = (size * sizeof(T) + page - 1) / page * page;
        void* data = bytes > page ? std::aligned_alloc(page, bytes) : std::malloc(size * sizeof(T) + 1);
        if (!data) throw std::bad_alloc();
#if defined(MADV_HUGEPAGE)
        if (bytes > page) madvise(data, bytes, MADV_HUGEPAGE);
#endif
        return static_cast<T*>(data);
    }
    static void deallocate(T* data, std::size_t) { std::free(data); }
    bool operator==(const LargePages&) const { return true; }
};

template <class T>
class Buffer {
  public:
    Buffer() = default;
    explicit Buffer(std::size_t size) : data_(LargePages<T>::allocate(size)), size_(size) {}
    Buffer(Buffer&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    Buffer& operator=(Buffer&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~Buffer() { std::free(data_); }

    // Keeps only the first `size` elements.
    void shrink(std::size_t size) { size_ = size; }
    T* data() { return data_; }
    const T* data() const { return data_; }
    std::size_t size() const { return size_; }
    T& operator[](std::size_t i) { return data_[i]; }
    const T& operator[](std::size_t i) const { return data_[i]; }

  private:
    T* data_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace hashcore
