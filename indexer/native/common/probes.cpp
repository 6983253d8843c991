// Probes: sorting, and look-up piece by piece.
#include "indexer/native/common/probes.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <new>

#include "hashcore/native/common/pulse.hpp"

namespace hashcore {

namespace {

// The number of look-ups between two beats, learned from earlier ones: their cost is the entries compared, and nobody
// knows how full buckets are.
class Pace {
  public:
    std::size_t look_ups() const { return look_ups_; }
    void learn(std::size_t look_ups, std::uint64_t compared) {
        const std::uint64_t work = work_of(look_ups, compared);
        if (work > 2 * wanted) look_ups_ = std::max<std::size_t>(look_ups_ * wanted / work, 1);
        else if (look_ups == look_ups_ && work < wanted / 2) look_ups_ = std::min<std::size_t>(look_ups_ * 4, most);
        Pulse::of_this_thread().beat(work);
    }

  private:
    static constexpr std::uint64_t wanted = 1 << 20;
    static constexpr std::size_t most = 1 << 18;

    static std::uint64_t work_of(std::size_t look_ups, std::uint64_t compared) { return 4 * look_ups + compared / 2; }

    std::size_t look_ups_ = 1024;
};

}  // namespace

const BucketKernels& bucket_kernels(Isa isa) {
    switch (isa) {
#if defined(__x86_64__)
        case Isa::avx2: return bucket_kernels_avx2;
        case Isa::avx512bw: return bucket_kernels_avx512bw;
        case Isa::avx512vpopcntdq: return bucket_kernels_avx512vpopcntdq;
#endif
        default: return bucket_kernels_portable;
    }
}

std::uint64_t look_up_in_time(const BucketKernels& kernels, const Buckets& buckets, const Probe* probes,
                              std::size_t count, const std::vector<std::uint32_t>& flips, const Wanted& wanted,
                              Candidates& out) {
    static thread_local Pace pace;
    std::uint64_t all = 0;
    for (std::size_t flip = 0; flip < flips.size();) {
        // Some flips of all probes, or one flip of some of them.
        const std::size_t some =
            std::clamp<std::size_t>(pace.look_ups() / std::max<std::size_t>(count, 1), 1, flips.size() - flip);
        for (std::size_t begin = 0; begin < count;) {
            const std::size_t probed = std::min(count - begin, std::max<std::size_t>(pace.look_ups() / some, 1));
            const std::uint64_t compared =
                kernels.look_up_far(buckets, probes + begin, probed, flips.data() + flip, some, wanted, out);
            pace.learn(probed * some, compared);
            all += compared, begin += probed;
        }
        flip += some;
    }
    return all;
}

void Probes::order_by_bucket(std::size_t shift, std::size_t bits, std::vector<std::uint32_t>& starts) {
    starts.assign((std::size_t(1) << bits) + 1, 0);
    for (const Probe& probe : probes_) ++starts[(probe.bucket >> shift) + 1];
    for (std::size_t v = 1; v < starts.size(); ++v) starts[v] += starts[v - 1];
    next_.assign(starts.begin(), starts.end() - 1);
    ordered_.resize(probes_.size());
    for (const Probe& probe : probes_) ordered_[next_[probe.bucket >> shift]++] = probe;
    probes_.swap(ordered_);
}

Candidates::~Candidates() { std::free(data_); }

void Candidates::grow(std::size_t more) {
    capacity_ = std::max(capacity_ * 2, size_ + more + 1024);
    data_ = static_cast<Candidate*>(std::realloc(data_, capacity_ * sizeof(Candidate)));
    if (!data_) throw std::bad_alloc();
}

Buckets usual_buckets(const std::uint32_t* offsets, const std::uint64_t* words, std::size_t entries, std::size_t bits) {
    const double mean = double(entries) / double(std::size_t(1) << bits);
    return {offsets, words, std::uint32_t(entries), std::uint32_t(mean + 2 * std::sqrt(mean) + 1)};
}

}  // namespace hashcore
