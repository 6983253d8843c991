"""Arrow without pandas, which pyarrow else loads with its first array, in a quarter of a second, for no frame."""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib import import_module
from typing import Any


class _Absent:
    """Finder of modules for which there is no pandas."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """Refuse pandas, and leave all others to the finders after this one."""
        del path, target
        if name == "pandas":
            raise ImportError(name)


def spare_pandas() -> None:
    """Let pyarrow believe that there is no pandas until somebody asks it for a frame, when it looks once more."""
    if "pandas" in sys.modules:
        return
    absent = _Absent()
    sys.meta_path.insert(0, absent)
    try:
        with suppress(ImportError, AttributeError):  # in a pyarrow that looks elsewhere it is loaded after all
            from pyarrow.lib import _pandas_api

            _ = _pandas_api.have_pandas
            import_module("pyarrow.dataset")
    finally:
        sys.meta_path.remove(absent)
