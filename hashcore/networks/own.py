"""A network of the user's own, found by its import path."""

from __future__ import annotations

from importlib import import_module

from torch import nn

from hashcore.errors import ConfigError
from hashcore.networks.spec import Own


def own(spec: Own, shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Build the network that a function of another package returns: `function(shape, outputs, **settings)`.

    Raises:
        ConfigError: If the function cannot be imported, does not take the arguments, or returns no module.
    """
    module, _, name = spec.path.partition(":")
    try:
        made = getattr(import_module(module), name)(shape, outputs, **spec.settings)
    except (ImportError, AttributeError, TypeError) as error:
        raise ConfigError(
            f"network.path={spec.path}: {' '.join(str(error).split())}; install the module where it runs, with a "
            "function (shape, outputs, **settings)"
        ) from None
    if not isinstance(made, nn.Module):
        raise ConfigError(f"network.path={spec.path} returned a {type(made).__name__}; return a torch.nn.Module")
    return made
