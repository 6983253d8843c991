// The module hashcore._kernels. Python validates shapes once; nothing is checked here.
#include <nanobind/stl/tuple.h>

#include <tuple>

#include "hashcore/native/common/arrays.hpp"
#include "hashcore/native/common/isa.hpp"
#include "hashcore/native/common/module.hpp"
#include "hashcore/native/scan/scan.hpp"

using namespace hashcore;

namespace {

// columns[w, i] = word w of code i; codes are rows of bytes, least significant first.
void to_columns(const In2<std::uint8_t>& codes, const Out2<std::uint64_t>& columns) {
    nb::gil_scoped_release unlocked;
    in_pieces(0, codes.shape(0), codes.shape(1), [&](std::size_t begin, std::size_t end) {
        gather_columns(codes.data(), codes.shape(1), begin, end - begin, columns.data() + begin, columns.shape(1));
    });
}

Items items_of(const In2<std::uint8_t>& codes) {
    return {{nullptr, 0, (codes.shape(1) + 7) / 8, codes.shape(0)}, codes.data(), codes.shape(1)};
}

nb::tuple range_of(const Items& items, const In2<std::uint64_t>& queries, unsigned radius, std::size_t threads) {
    const Isa isa = chosen_isa();
    return to_numpy(unlocked([&] { return scan_range(items, queries_of(queries), radius, threads, isa); }));
}

nb::tuple range(const In2<std::uint8_t>& codes, const In2<std::uint64_t>& queries, unsigned radius,
                std::size_t threads) {
    return range_of(items_of(codes), queries, radius, threads);
}

nb::tuple range_of_columns(const In2<std::uint64_t>& columns, const In2<std::uint64_t>& queries, unsigned radius,
                           std::size_t threads) {
    return range_of({columns_of(columns)}, queries, radius, threads);
}

nb::tuple nearest(const In2<std::uint8_t>& codes, const In2<std::uint64_t>& queries, std::size_t k,
                  std::size_t threads) {
    const Isa isa = chosen_isa();
    return to_numpy(unlocked([&] { return scan_nearest(items_of(codes), queries_of(queries), k, threads, isa); }));
}

void histogram(const In2<std::uint64_t>& columns, const In2<std::uint64_t>& queries,
               const In2<std::uint64_t>& item_masks, const In2<std::uint64_t>& query_masks,
               const Out2<std::int64_t>& all, const Out2<std::int64_t>& relevant, std::size_t threads) {
    const Isa isa = chosen_isa();
    nb::gil_scoped_release unlocked;
    const Masks masks{item_masks.data(), item_masks.shape(1), query_masks.data(), item_masks.shape(0)};
    scan_histogram(columns_of(columns), queries_of(queries), masks, all.shape(1), all.data(), relevant.data(), threads,
                   isa);
}

using Lists = std::tuple<In1<std::int64_t>, In1<std::int64_t>, In1<std::uint16_t>>;

nb::tuple merge_lists(const std::vector<Lists>& parts, std::size_t most, std::size_t threads) {
    std::vector<HitListsView> views;
    for (const auto& [offsets, ids, distances] : parts) views.push_back({offsets.data(), ids.data(), distances.data()});
    const std::size_t queries = std::get<0>(parts.front()).shape(0) - 1;
    return to_numpy(unlocked([&] { return merge(views, queries, most, threads); }));
}

}  // namespace

NB_MODULE(_kernels, m) {
    m.doc() = "Hamming kernels over codes stored column by column; see hashcore.hamming.";
    prepare_module();
    m.attr("sources") = HASHCORE_SOURCES;  // hashcore/machine/native_build.py
    m.attr("MOST_BITS") = HistogramScratch::most_bins - 1;
    m.def("available_isas", &available_isas);
    m.def("chosen_isa", [] { return isa_name(chosen_isa()); });
    m.def("to_columns", &to_columns);
    m.def("merge_lists", &merge_lists);
    m.def("scan_range", &range);
    m.def("scan_range_of_columns", &range_of_columns);
    m.def("scan_nearest", &nearest);
    m.def("scan_histogram", &histogram);
}
