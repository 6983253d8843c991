// The class SparseTables of the module indexer._native, and the functions that build the structures of sparse codes.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/tuple.h>

#include <optional>
#include <stdexcept>
#include <tuple>

#include "hashcore/native/common/arrays.hpp"
#include "indexer/native/common/probes.hpp"
#include "indexer/native/common/row_arrays.hpp"
#include "indexer/native/sparse/search.hpp"

namespace hashcore {

namespace {

Classes classes_of(const In1<std::uint32_t>& sizes, const In1<std::uint32_t>& starts) {
    return {sizes.data(), starts.data(), sizes.shape(0)};
}

using CostValues = std::tuple<double, double, double, double, double, double, double>;

SparseCosts costs_of(const CostValues& values) {
    const auto [look_up, probe, candidate, verify, posting, folded, scanned] = values;
    return {look_up, probe, candidate, verify, posting, folded, scanned};
}

// A shard's arrays, kept alive while it is searched.
class SparseTables {
  public:
    using BlockArrays = std::tuple<std::size_t, std::size_t, std::size_t, In1<std::uint32_t>, In1<std::uint64_t>,
                                   In1<std::uint32_t>>;  // begin, end, bits, offsets, words, positions
    using FoldArrays = std::tuple<In1<std::uint32_t>, In1<std::uint32_t>, In1<std::uint32_t>, In1<std::uint8_t>,
                                  In1<std::uint8_t>>;  // sizes and starts of classes, offsets, before, tags
    using ListArrays = std::tuple<In1<std::int64_t>, In1<std::uint32_t>, In1<std::uint8_t>>;  // offsets, counts, bytes

    SparseTables(In2<std::uint64_t> codes, Numbers row_offsets, Numbers short_ids, LongIds long_ids,
                 std::int64_t id_base, bool some_empty, std::optional<FoldArrays> folds,
                 std::vector<BlockArrays> blocks, std::optional<ListArrays> lists)
        : arrays_(std::move(codes), std::move(row_offsets), std::move(short_ids), std::move(long_ids), id_base,
                  some_empty),
          folds_(std::move(folds)), blocks_(std::move(blocks)), lists_(std::move(lists)) {
        shard_.codes = arrays_.codes();
        shard_.rows = arrays_.rows();
        if (blocks_.size() > most_blocks) throw std::invalid_argument("more blocks than a plan has room for");
        for (const auto& [begin, end, bits, offsets, words, positions] : blocks_)
            shard_.blocks.emplace_back(begin, end, bits,
                                       usual_buckets(offsets.data(), words.data(), shard_.codes.count, bits),
                                       positions.data());
        if (folds_) {
            const auto& [sizes, starts, offsets, before, tags] = *folds_;
            shard_.folds = FoldTable(classes_of(sizes, starts), offsets.data(), before.data(), tags.data());
        }
        if (lists_) {
            const auto& [offsets, counts, bytes] = *lists_;
            shard_.lists = {shard_.folds.classes, offsets.data(), counts.data(), bytes.data(), bytes.shape(0)};
        }
        shard_.sample();
    }

    nb::object range(const In2<std::uint64_t>& queries, unsigned radius, int route, const CostValues& costs,
                     std::size_t max_rows, std::size_t threads) const {
        std::vector<SparseWork> work;
        double cost[2] = {0, 0};
        const Isa isa = chosen_isa();
        std::optional<HitLists> lists = answer_unlocked([&] {
            return sparse_range(shard_, queries_of(queries), radius, route, costs_of(costs), max_rows, threads, isa,
                                work, cost);
        });
        if (!lists) return nb::none();
        nb::list parts;
        for (const SparseWork& w : work)
            parts.append(
                nb::make_tuple(w.queries, w.radius, w.probes, w.expected, w.candidates, w.verified, w.seconds));
        return nb::make_tuple(to_numpy(std::move(*lists)), parts, cost[0], cost[1]);
    }

    nb::tuple routes(const In2<std::uint64_t>& queries, unsigned radius, int route, const CostValues& costs) const {
        double cost[2] = {0, 0};
        const std::vector<std::size_t> taken =
            unlocked([&] { return count_routes(shard_, queries_of(queries), radius, route, costs_of(costs), cost); });
        return nb::make_tuple(taken, cost[0], cost[1]);
    }

    nb::tuple nearest(const In2<std::uint64_t>& queries, std::size_t k, unsigned farthest, int route,
                      const CostValues& costs, std::size_t threads) const {
        const Isa isa = chosen_isa();
        return to_numpy(unlocked([&] {
            return sparse_nearest(shard_, queries_of(queries), k, farthest, route, costs_of(costs), threads, isa);
        }));
    }

  private:
    RowArrays arrays_;
    std::optional<FoldArrays> folds_;
    std::vector<BlockArrays> blocks_;
    std::optional<ListArrays> lists_;
    SparseShard shard_;
};

}  // namespace

void bind_sparse(nb::module_& m) {
    m.attr("ORDER_BITS") = order_bits;
    m.attr("BUCKETS_PER_GROUP") = buckets_per_group;
    m.attr("TAGS_READ_AT_ONCE") = tags_read_at_once;
    m.attr("MANY_BEFORE") = many;
    m.attr("MOST_BLOCKS") = most_blocks;
    m.attr("ROUTES") = to_python(route_names);
    m.attr("SPARSE_COSTS") = to_python(sparse_cost_names);
    nb::class_<SparseTables>(m, "SparseTables")
        .def(nb::init<In2<std::uint64_t>, Numbers, Numbers, LongIds, std::int64_t, bool,
                      std::optional<SparseTables::FoldArrays>, std::vector<SparseTables::BlockArrays>,
                      std::optional<SparseTables::ListArrays>>(),
             nb::arg("codes"), nb::arg("row_offsets").none(), nb::arg("short_ids").none(), nb::arg("long_ids").none(),
             nb::arg("id_base"), nb::arg("some_empty"), nb::arg("folds").none(), nb::arg("blocks"),
             nb::arg("lists").none())
        .def("range", &SparseTables::range)
        .def("routes", &SparseTables::routes)
        .def("nearest", &SparseTables::nearest);
    m.def("hash_folds", [](const In2<std::uint64_t>& codes, const Out1<std::uint32_t>& sizes,
                           const Out1<std::uint64_t>& hashes, std::size_t threads) {
        const nb::gil_scoped_release released;
        hash_folds(columns_of(codes), sizes.data(), hashes.data(), threads);
    });
    m.def("count_groups", [](const In1<std::uint32_t>& sizes, const In1<std::uint32_t>& starts) {
        return count_groups(classes_of(sizes, starts));
    });
    m.def("fill_folds",
          [](const In1<std::uint32_t>& sizes, const In1<std::uint32_t>& starts, const In1<std::uint64_t>& hashes,
             const Out1<std::uint32_t>& offsets, const Out1<std::uint8_t>& before, const Out1<std::uint8_t>& tags) {
        const nb::gil_scoped_release released;
        fill_folds(classes_of(sizes, starts), hashes.data(), offsets.data(), before.data(), tags.data());
    });
    m.def("sign", [](const In2<std::uint64_t>& codes, std::size_t begin, std::size_t end, std::size_t bits,
                     const Out1<std::uint64_t>& keys, std::size_t threads) {
        const nb::gil_scoped_release released;
        sign(columns_of(codes), begin, end, bits, keys.data(), threads);
    });
    m.def("measure_lists",
          [](const In2<std::uint64_t>& codes, const In1<std::uint32_t>& sizes, const In1<std::uint32_t>& starts,
             const Out2<std::uint32_t>& counts, const Out2<std::int64_t>& bytes, std::size_t threads) {
        const nb::gil_scoped_release released;
        measure_lists(columns_of(codes), classes_of(sizes, starts), counts.shape(0), counts.data(), bytes.data(),
                      threads);
    });
    m.def("first_damaged_list",
          [](const In1<std::uint32_t>& sizes, const In1<std::uint32_t>& starts, const In1<std::int64_t>& offsets,
             const In2<std::uint32_t>& counts, const In1<std::uint8_t>& bytes) {
        const Lists lists{classes_of(sizes, starts), offsets.data(), counts.data(), bytes.data(), bytes.shape(0)};
        const nb::gil_scoped_release released;
        return first_damaged(lists, counts.shape(0));
    });
    m.def("fill_lists", [](const In2<std::uint64_t>& codes, const In1<std::uint32_t>& sizes,
                           const In1<std::uint32_t>& starts, const In1<std::int64_t>& offsets,
                           const In2<std::uint32_t>& counts, const Out1<std::uint8_t>& bytes, std::size_t threads) {
        const nb::gil_scoped_release released;
        fill_lists(columns_of(codes), classes_of(sizes, starts), counts.shape(0), offsets.data(), counts.data(),
                   bytes.data(), threads);
    });
}

}  // namespace hashcore
