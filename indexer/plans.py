"""Plans of searches, for those who predict what an index will cost before it is built."""

from indexer.search.plan import Allocation, Costs, allocate
from indexer.structures.tables import Substring, substrings_for

__all__ = ["Allocation", "Costs", "Substring", "allocate", "substrings_for"]
