"""Plans of layouts and searches, for those who predict what an index will cost before it is built."""

from indexer.search.plan import Allocation, Costs, allocate
from indexer.structures.layout import Layout
from indexer.structures.planning import plan_layout
from indexer.structures.tables import Substring, substrings_for

__all__ = ["Allocation", "Costs", "Layout", "Substring", "allocate", "plan_layout", "substrings_for"]
