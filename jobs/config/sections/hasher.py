"""The section `hasher`: what a hasher that is read may do here."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hashcore.spec import Spec

ModuleName = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$")]


class HasherConfig(Spec):
    """Permissions of a hasher that is loaded."""

    allow: tuple[ModuleName, ...] = ()
    """Modules whose code may run where the hasher's network is one of them (`name: own`), as in [my_nets]; a package
    allows its submodules. Those of `train` are allowed anyhow."""
