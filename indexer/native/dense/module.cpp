// The class ShardTables of the module indexer._native: the hash tables of one shard of dense codes, and their plan.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/tuple.h>

#include <optional>
#include <tuple>

#include "hashcore/native/common/arrays.hpp"
#include "indexer/native/common/probes.hpp"
#include "indexer/native/common/row_arrays.hpp"
#include "indexer/native/dense/nearest.hpp"
#include "indexer/native/dense/plan.hpp"
#include "indexer/native/dense/range.hpp"

namespace hashcore {

namespace {

nb::tuple to_python(const DensePlan& plan) {
    const auto tuple = [](const auto& values) { return nb::tuple(nb::cast(values)); };
    return nb::make_tuple(tuple(plan.radii), tuple(plan.probes), tuple(plan.candidates), plan.tables_ns, plan.scan_ns);
}

// A shard's arrays, kept alive while it is searched.
class ShardTables {
  public:
    using TableArrays =
        std::tuple<std::size_t, std::size_t, std::size_t, std::size_t, In1<std::uint32_t>, In1<std::uint64_t>,
                   Numbers>;  // word, shift, bits, filter word, offsets, words, positions

    ShardTables(In2<std::uint64_t> codes, Numbers row_offsets, Numbers short_ids, LongIds long_ids,
                std::int64_t id_base, bool some_empty, std::vector<TableArrays> tables)
        : arrays_(std::move(codes), std::move(row_offsets), std::move(short_ids), std::move(long_ids), id_base,
                  some_empty),
          tables_(std::move(tables)), shard_{arrays_.codes(), arrays_.rows(), {}} {
        for (const auto& [word, shift, bits, filter_word, offsets, words, positions] : tables_)
            shard_.tables.push_back({word, shift, bits, filter_word,
                                     usual_buckets(offsets.data(), words.data(), shard_.codes.count, bits),
                                     data_of(positions)});
    }

    nb::object range(const In2<std::uint64_t>& queries, unsigned radius, const std::vector<int>& radii,
                     std::uint64_t max_candidates, std::size_t max_rows, std::size_t threads) const {
        std::vector<TableWork> work;
        bool scanned = false;
        const Isa isa = chosen_isa();
        const RangePlan plan{radius, radii, max_candidates, max_rows};
        std::optional<HitLists> lists = answer_unlocked(
            [&] { return range_search(shard_, queries_of(queries), plan, threads, isa, work, scanned); });
        if (!lists) return nb::none();
        nb::list tables;
        for (const TableWork& w : work) tables.append(nb::make_tuple(w.probes, w.candidates, w.verified, w.seconds));
        return nb::make_tuple(to_numpy(std::move(*lists)), tables, scanned);
    }

    nb::tuple nearest(const In2<std::uint64_t>& queries, std::size_t k, unsigned farthest, double probe,
                      double candidate, double scan, std::size_t threads) const {
        std::vector<std::uint8_t> scanned(queries.shape(0), 0);
        const Isa isa = chosen_isa();
        HitLists lists = unlocked([&] {
            return knn_search(shard_, queries_of(queries), k, farthest, {probe, candidate, scan}, threads, isa,
                              scanned.data());
        });
        return nb::make_tuple(to_numpy(std::move(lists)), to_numpy(std::move(scanned)));
    }

    nb::tuple plan(const In2<std::uint64_t>& queries, unsigned radius, double probe, double candidate,
                   double scan) const {
        return to_python(plan_range(shard_, queries_of(queries), radius, {probe, candidate, scan}));
    }

  private:
    RowArrays arrays_;
    std::vector<TableArrays> tables_;
    Shard shard_;
};

}  // namespace

void bind_dense(nb::module_& m) {
    m.attr("COSTS") = to_python(cost_names);
    nb::class_<ShardTables>(m, "ShardTables")
        .def(nb::init<In2<std::uint64_t>, Numbers, Numbers, LongIds, std::int64_t, bool,
                      std::vector<ShardTables::TableArrays>>(),
             nb::arg("codes"), nb::arg("row_offsets").none(), nb::arg("short_ids").none(), nb::arg("long_ids").none(),
             nb::arg("id_base"), nb::arg("some_empty"), nb::arg("tables"))
        .def("range", &ShardTables::range)
        .def("nearest", &ShardTables::nearest)
        .def("plan", &ShardTables::plan);
    m.def("allocate", [](unsigned radius, const std::vector<std::size_t>& bits, const In2<double>& rings,
                         std::size_t codes, std::size_t words, double probe, double candidate, double scan) {
        return to_python(
            allocate_radius(radius, bits, rings.data(), rings.shape(1), codes, words, {probe, candidate, scan}));
    });
}

}  // namespace hashcore
