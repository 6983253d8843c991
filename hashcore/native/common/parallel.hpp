// A pure function mapped over numbered tasks by a few threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "hashcore/native/common/pulse.hpp"

namespace hashcore {

// The threads that work on one set of tasks, the caller included, and the first exception that one of them threw.
class Crew {
  public:
    template <class Run>
    void hire(std::size_t threads, const Run& run) {
        hired_.reserve(threads);
        try {
            while (hired_.size() < threads) {
                hired_.emplace_back([this, &run] {
                    Pulse::of_this_thread().join(stop_);
                    keep(run);
                    const std::lock_guard lock(guard_);
                    ++done_;
                    ended_.notify_one();
                });
            }
        } catch (const std::system_error&) {  // the system gives no more, as in a container with a limit
        }
    }

    // Works too, waits for the others, and rethrows. While it waits it goes on to ask whether the caller was
    // interrupted.
    template <class Run>
    void finish(const Run& run) {
        {
            const Pulse::Part part(Pulse::of_this_thread(), stop_);
            keep(run);
        }
        keep([this] { wait(true); });
        wait(false);
        for (auto& thread : hired_) thread.join();
        if (failure_) std::rethrow_exception(failure_);
    }

    bool is_stopped() const { return stop_.load(std::memory_order_relaxed); }

  private:
    template <class Run>
    void keep(const Run& run) {
        try {
            run();
        } catch (...) {
            const std::lock_guard lock(guard_);
            if (!failure_) failure_ = std::current_exception();
            stop_ = true;
        }
    }

    void wait(bool asks) {
        std::unique_lock lock(guard_);
        while (!ended_.wait_for(lock, Pulse::between_questions, [this] { return done_ == hired_.size(); })) {
            if (!asks) continue;
            lock.unlock();
            Pulse::ask();
            lock.lock();
        }
    }

    std::vector<std::thread> hired_;
    std::mutex guard_;
    std::condition_variable ended_;
    std::size_t done_ = 0;
    std::exception_ptr failure_;
    std::atomic<bool> stop_{false};
};

// Calls work(task) for every task < tasks, on up to `threads` threads, or on fewer where the system gives no more.
// Rethrows the first exception. After one, or when the caller is interrupted, no task begins, and running ones stop at
// their next beat.
template <class Work>
void parallel_for(std::size_t tasks, std::size_t threads, Work&& work) {
    constexpr std::size_t task_work = 1 << 12;
    threads = std::min(std::max<std::size_t>(threads, 1), tasks);
    std::atomic<std::size_t> next{0};
    Crew crew;
    const auto run = [&] {
        Pulse& pulse = Pulse::of_this_thread();
        for (std::size_t task; !crew.is_stopped() && (task = next.fetch_add(1)) < tasks;) {
            pulse.beat(task_work);
            work(task);
        }
    };
    if (threads <= 1) return run();
    crew.hire(threads - 1, run);
    crew.finish(run);
}

}  // namespace hashcore
