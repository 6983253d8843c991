// The functions of the module indexer._native that build the arrays of a shard of either kind.
#include "hashcore/native/common/arrays.hpp"
#include "indexer/native/building/arrangement.hpp"
#include "indexer/native/building/keys.hpp"
#include "indexer/native/building/permutation.hpp"
#include "indexer/native/building/tables.hpp"
#include "indexer/native/common/bucket_kernels.hpp"

namespace hashcore {

namespace {

template <class Word>
using Transposed = nb::ndarray<Word, nb::ndim<2>, nb::device::cpu>;  // of shape (words, n), in any order

template <class Word>
Strided<Word> strided(const Transposed<Word>& codes) {
    return {codes.data(), std::size_t(codes.stride(0)), std::size_t(codes.stride(1)), codes.shape(0), codes.shape(1)};
}

}  // namespace

void bind_building(nb::module_& m) {
    m.attr("MOST_BUCKET_BITS") = most_bucket_bits;
    m.def("permute_bits", [](const Transposed<const std::uint64_t>& codes, const In1<std::uint16_t>& order,
                             const Transposed<std::uint64_t>& out, std::size_t threads) {
        const nb::gil_scoped_release released;
        permute_bits(strided(codes), {order.data(), order.shape(0)}, strided(out), threads);
    });
    m.def("arrange", [](const In2<std::uint64_t>& codes, std::size_t bits, const In1<std::int64_t>& ids,
                        std::int64_t base, bool are_short, std::size_t threads) {
        Arranged arranged =
            unlocked([&] { return arrange(columns_of(codes), bits, ids.data(), base, are_short, threads); });
        return nb::make_tuple(to_numpy(std::move(arranged.codes)), to_numpy(std::move(arranged.starts)),
                              to_numpy(std::move(arranged.order)), to_numpy(std::move(arranged.short_ids)));
    });
    m.def("fill_table", [](const In1<std::uint64_t>& keys, const In1<std::uint64_t>& filter, std::size_t shift,
                           std::size_t bits, const Out1<std::uint32_t>& offsets, const Out1<std::uint32_t>& positions,
                           const Out1<std::uint64_t>& words, std::size_t threads) {
        const nb::gil_scoped_release released;
        fill_table(keys.data(), filter.data(), keys.shape(0), shift, bits, offsets.data(), positions.data(),
                   words.data(), threads);
    });
    m.def("hash_keys", [](const In1<std::int64_t>& offsets, const In1<std::uint8_t>& bytes, std::uint64_t seed,
                          const Out1<std::int64_t>& ids, std::size_t threads) {
        const nb::gil_scoped_release released;
        hash_keys({offsets.data(), bytes.data(), ids.shape(0)}, seed, ids.data(), threads);
    });
    m.def("find_hashed", [](const In1<std::int64_t>& ids, const In1<std::uint32_t>& rows,
                            const In1<std::int64_t>& wanted, const Out1<std::int64_t>& found, std::size_t threads) {
        const nb::gil_scoped_release released;
        find_hashed(ids.data(), rows.data(), ids.shape(0), wanted.data(), wanted.shape(0), found.data(), threads);
    });
    m.def("copy_spans", [](const In1<std::uint8_t>& bytes, const In1<std::int64_t>& starts,
                           const In1<std::int64_t>& offsets, const Out1<std::uint8_t>& out, std::size_t threads) {
        const nb::gil_scoped_release released;
        copy_spans(bytes.data(), starts.data(), offsets.data(), starts.shape(0), out.data(), threads);
    });
    m.def("fill_offsets",
          [](const In1<std::uint64_t>& keys, std::size_t shift, std::size_t bits, const Out1<std::uint32_t>& offsets) {
        const nb::gil_scoped_release released;
        fill_offsets(keys.data(), keys.shape(0), shift, bits, offsets.data());
    });
}

}  // namespace hashcore
