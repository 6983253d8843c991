// The module indexer._native: building and searching one shard. Shapes are validated in Python; nothing is checked
// here.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/tuple.h>

#include <optional>
#include <tuple>

#include "hashcore/native/common/arrays.hpp"
#include "indexer/native/dense/build.hpp"
#include "indexer/native/dense/search.hpp"
#include "indexer/native/dense/sweep.hpp"

using namespace hashcore;

namespace {

Columns view(const In2<std::uint64_t>& columns) {
    return {columns.data(), columns.shape(1), columns.shape(0), columns.shape(1)};
}

template <class Word>
using Transposed = nb::ndarray<Word, nb::ndim<2>, nb::device::cpu>;  // of shape (words, n), in any order

template <class Word>
Strided<Word> strided(const Transposed<Word>& codes) {
    return {codes.data(), std::size_t(codes.stride(0)), std::size_t(codes.stride(1)), codes.shape(0), codes.shape(1)};
}

nb::tuple to_python(const DensePlan& plan) {
    const auto tuple = [](const auto& values) { return nb::tuple(nb::cast(values)); };
    return nb::make_tuple(tuple(plan.radii), tuple(plan.probes), tuple(plan.candidates), plan.tables_ns, plan.scan_ns);
}

// A shard's arrays, kept alive while it is searched.
class ShardTables {
  public:
    using TableArrays =
        std::tuple<std::size_t, std::size_t, std::size_t, std::size_t, In1<std::uint32_t>, In1<std::uint64_t>,
                   std::optional<In1<std::uint32_t>>>;  // word, shift, bits, filter word, offsets, words, positions

    ShardTables(In2<std::uint64_t> codes, std::optional<In1<std::uint32_t>> row_offsets,
                std::optional<In1<std::uint32_t>> short_ids, std::optional<In1<std::int64_t>> long_ids,
                std::int64_t id_base, bool some_empty, std::vector<TableArrays> tables)
        : codes_(std::move(codes)), row_offsets_(std::move(row_offsets)), short_ids_(std::move(short_ids)),
          long_ids_(std::move(long_ids)), tables_(std::move(tables)) {
        shard_.codes = view(codes_);
        shard_.rows = {row_offsets_ ? row_offsets_->data() : nullptr,
                       short_ids_ ? short_ids_->data() : nullptr,
                       long_ids_ ? long_ids_->data() : nullptr,
                       id_base,
                       rows_of(short_ids_, long_ids_),
                       some_empty};
        for (const auto& [word, shift, bits, filter_word, offsets, words, positions] : tables_)
            shard_.tables.push_back({word, shift, bits, filter_word,
                                     usual_buckets(offsets.data(), words.data(), shard_.codes.count, bits),
                                     positions ? positions->data() : nullptr});
    }

    nb::object range(const In2<std::uint64_t>& queries, unsigned radius, const std::vector<int>& radii,
                     std::uint64_t max_candidates, std::size_t max_rows, std::size_t threads) const {
        HitLists lists;
        std::vector<TableWork> work;
        std::size_t excess = 0;
        bool scanned = false;
        {
            const Isa isa = chosen_isa();
            nb::gil_scoped_release unlocked;
            try {
                lists = range_search(shard_, {queries.data(), queries.shape(0)},
                                     {radius, radii, max_candidates, max_rows}, threads, isa, work, scanned);
            } catch (const TooManyRows& too_many) {
                excess = too_many.rows;
            }
        }
        if (excess) return nb::none();
        nb::list tables;
        for (const TableWork& w : work) tables.append(nb::make_tuple(w.probes, w.candidates, w.verified, w.seconds));
        return nb::make_tuple(to_numpy(std::move(lists)), tables, scanned);
    }

    nb::tuple nearest(const In2<std::uint64_t>& queries, std::size_t k, unsigned farthest, double probe,
                      double candidate, double scan, std::size_t threads) const {
        HitLists lists;
        std::vector<std::uint8_t> scanned(queries.shape(0), 0);
        {
            const Isa isa = chosen_isa();
            nb::gil_scoped_release unlocked;
            lists = knn_search(shard_, {queries.data(), queries.shape(0)}, k, farthest, {probe, candidate, scan},
                               threads, isa, scanned.data());
        }
        return nb::make_tuple(to_numpy(std::move(lists)), to_numpy(std::move(scanned)));
    }

    nb::tuple plan(const In2<std::uint64_t>& queries, unsigned radius, double probe, double candidate,
                   double scan) const {
        return to_python(plan_range(shard_, {queries.data(), queries.shape(0)}, radius, {probe, candidate, scan}));
    }

  private:
    In2<std::uint64_t> codes_;
    std::optional<In1<std::uint32_t>> row_offsets_, short_ids_;
    std::optional<In1<std::int64_t>> long_ids_;
    std::vector<TableArrays> tables_;
    Shard shard_;
};

}  // namespace

namespace hashcore {
void bind_sparse(nb::module_& m);  // sparse_module.cpp
}

NB_MODULE(_native, m) {
    m.doc() = "Multi-index hash tables of one shard; see indexer.shard and indexer.shard_builder.";
    prepare_module();
    m.attr("sources") = HASHCORE_SOURCES;  // hashcore/machine/native_build.py
    m.attr("COSTS") = to_python(cost_names);
    m.attr("MOST_BUCKET_BITS") = most_bucket_bits;
    nb::class_<ShardTables>(m, "ShardTables")
        .def(nb::init<In2<std::uint64_t>, std::optional<In1<std::uint32_t>>, std::optional<In1<std::uint32_t>>,
                      std::optional<In1<std::int64_t>>, std::int64_t, bool, std::vector<ShardTables::TableArrays>>(),
             nb::arg("codes"), nb::arg("row_offsets").none(), nb::arg("short_ids").none(), nb::arg("long_ids").none(),
             nb::arg("id_base"), nb::arg("some_empty"), nb::arg("tables"))
        .def("range", &ShardTables::range)
        .def("nearest", &ShardTables::nearest)
        .def("plan", &ShardTables::plan);
    bind_sparse(m);
    m.def("allocate", [](unsigned radius, const std::vector<std::size_t>& bits, const In2<double>& rings,
                         std::size_t codes, std::size_t words, double probe, double candidate, double scan) {
        return to_python(
            allocate_radius(radius, bits, rings.data(), rings.shape(1), codes, words, {probe, candidate, scan}));
    });
    m.def("permute_bits", [](const Transposed<const std::uint64_t>& codes, const In1<std::uint16_t>& order,
                             const Transposed<std::uint64_t>& out, std::size_t threads) {
        nb::gil_scoped_release unlocked;
        permute_bits(strided(codes), {order.data(), order.shape(0)}, strided(out), threads);
    });
    m.def("arrange", [](const In2<std::uint64_t>& codes, std::size_t bits, const In1<std::int64_t>& ids,
                        std::int64_t base, bool are_short, std::size_t threads) {
        Arranged arranged;
        {
            nb::gil_scoped_release unlocked;
            arranged = arrange(view(codes), bits, ids.data(), base, are_short, threads);
        }
        return nb::make_tuple(to_numpy(std::move(arranged.codes)), to_numpy(std::move(arranged.starts)),
                              to_numpy(std::move(arranged.order)), to_numpy(std::move(arranged.short_ids)));
    });
    m.def("fill_table", [](const In1<std::uint64_t>& keys, const In1<std::uint64_t>& filter, std::size_t shift,
                           std::size_t bits, const Out1<std::uint32_t>& offsets, const Out1<std::uint32_t>& positions,
                           const Out1<std::uint64_t>& words, std::size_t threads) {
        nb::gil_scoped_release unlocked;
        fill_table(keys.data(), filter.data(), keys.shape(0), shift, bits, offsets.data(), positions.data(),
                   words.data(), threads);
    });
    m.def("fill_offsets",
          [](const In1<std::uint64_t>& keys, std::size_t shift, std::size_t bits, const Out1<std::uint32_t>& offsets) {
        nb::gil_scoped_release unlocked;
        fill_offsets(keys.data(), keys.shape(0), shift, bits, offsets.data());
    });
}
