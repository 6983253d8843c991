// A pure function mapped over numbered tasks by a few threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace hashcore {

// Calls work(task) for every task < tasks on up to `threads` threads, on fewer where the system gives no more; rethrows the
// first exception.
template <class Work>
void parallel_for(std::size_t tasks, std::size_t threads, Work&& work) {
    threads = std::min(std::max<std::size_t>(threads, 1), tasks);
    if (threads <= 1) {
        for (std::size_t task = 0; task < tasks; ++task) work(task);
        return;
    }
    std::atomic<std::size_t> next{0};
    std::exception_ptr failure;
    std::mutex failing;
    auto run = [&] {
        try {
            for (std::size_t task; (task = next.fetch_add(1)) < tasks;) work(task);
        } catch (...) {
            std::lock_guard lock(failing);
            if (!failure) failure = std::current_exception();
            next = tasks;
        }
    };
    std::vector<std::thread> crew;
    crew.reserve(threads);
    try {
        while (crew.size() + 1 < threads) crew.emplace_back(run);
    } catch (const std::system_error&) {  // a container's limit of processes
    }
    run();
    for (auto& thread : crew) thread.join();
    if (failure) std::rethrow_exception(failure);
}

}  // namespace hashcore
