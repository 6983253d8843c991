// Interruption of long work: loops check now and then whether their caller was interrupted or another thread has
// failed.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace hashcore {

// Thrown by work that must stop.
struct Interrupted {};

// Asks Python whether the caller was interrupted, which marks the interruption as handled. Set by the module
// (module.hpp), and called on the caller's thread alone.
inline bool (*is_interrupted)() = nullptr;

// The pulse of one thread. Work is counted in units of about a nanosecond, so that the clock is read seldom.
class Pulse {
  public:
    static constexpr std::uint64_t between_looks = 1 << 22;
    static constexpr auto between_questions = std::chrono::milliseconds(80);  // each takes Python's lock

    static Pulse& of_this_thread() {
        static thread_local Pulse pulse;
        return pulse;
    }

    // Counts a piece of work; throws Interrupted where the work must stop.
    void beat(std::uint64_t work) {
        if (work < left_) [[likely]]
            left_ -= work;
        else look();
    }

    // Makes this a thread of a crew: it stops when `stop` is set, and never asks Python.
    void join(const std::atomic<bool>& stop) { stop_ = &stop, asks_ = false; }

    // Asks the caller at once, on its own thread.
    static void ask() {
        if (is_interrupted && is_interrupted()) throw Interrupted{};
    }

    // The caller's thread works in a crew as long as this object lives.
    class Part {
      public:
        Part(Pulse& pulse, const std::atomic<bool>& stop) : pulse_(pulse), before_(pulse.stop_) { pulse.stop_ = &stop; }
        ~Part() { pulse_.stop_ = before_; }
        Part(const Part&) = delete;
        Part& operator=(const Part&) = delete;

      private:
        Pulse& pulse_;
        const std::atomic<bool>* before_;
    };

  private:
    using Clock = std::chrono::steady_clock;

    [[gnu::noinline, gnu::cold]] void look() {
        left_ = between_looks;
        if (stop_ && stop_->load(std::memory_order_relaxed)) throw Interrupted{};
        if (!asks_) return;
        const auto now = Clock::now();
        if (now - asked_ < between_questions) return;
        asked_ = now;
        ask();
    }

    std::uint64_t left_ = between_looks;
    Clock::time_point asked_{};
    const std::atomic<bool>* stop_ = nullptr;
    bool asks_ = true;
};

// Calls work(from, to) for consecutive pieces of begin:end; each element takes about `cost` units.
template <class Work>
void in_pieces(std::size_t begin, std::size_t end, std::size_t cost, Work&& work) {
    Pulse& pulse = Pulse::of_this_thread();
    const std::size_t piece = std::max<std::size_t>((std::size_t(1) << 16) / std::max<std::size_t>(cost, 1), 1);
    for (std::size_t from = begin; from < end; from += piece) {
        const std::size_t to = std::min(end, from + piece);
        pulse.beat((to - from) * cost);
        work(from, to);
    }
}

// Sorts, with beats where there is much to sort. An interrupted sort leaves all elements, in some order.
template <class Iterator, class Before>
void sort_in_time(Iterator begin, Iterator end, const Before& before) {
    if (end - begin < (1 << 17)) return std::sort(begin, end, before);
    Pulse& pulse = Pulse::of_this_thread();
    std::sort(begin, end, [&](const auto& a, const auto& b) {
        pulse.beat(4);
        return before(a, b);
    });
}

}  // namespace hashcore
