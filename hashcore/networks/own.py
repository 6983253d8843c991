"""A network of the user's own, found by its import path: code that runs only where the user allowed its module."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from torch import nn

from hashcore.errors import ConfigError, InvalidInputError
from hashcore.networks.own_source import check_imported
from hashcore.networks.spec import NetworkSpec, Own


def own(spec: Own, shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Build the network that a function of another package returns: `function(shape, outputs, **settings)`.

    Raises:
        ConfigError: If the function cannot be imported, fails, or returns no module; or if a source was changed after
            this process had imported it.
    """
    module, _, name = spec.path.partition(":")
    check_imported(module)
    try:
        made = getattr(import_module(module), name)(shape, outputs, **spec.settings)
    except Exception as error:
        raise ConfigError(
            f"network.path={spec.path}: {' '.join(f'{type(error).__name__}: {error}'.split())}; install the module "
            "where it runs, with a function (shape, outputs, **settings)"
        ) from error
    check_imported(module)
    if not isinstance(made, nn.Module):
        raise ConfigError(f"network.path={spec.path} returned a {type(made).__name__}; return a torch.nn.Module")
    return made


def check_allowed(network: NetworkSpec, allow: Sequence[str], uri: str, modality: str) -> None:
    """Raise InvalidInputError if a hasher's network is of a module that is not allowed; nothing is imported.

    Args:
        network: As the hasher describes it.
        allow: Names of modules; each allows its submodules, too.
        uri: The hasher's directory, for the message.
        modality: The modality that the network reads, for the message.
    """
    if isinstance(allow, str):
        raise InvalidInputError(f"allow={allow!r} is one text; give a list of modules, as in allow=({allow!r},)")
    if not isinstance(network, Own):
        return
    module = network.module
    if not any(f"{module}.".startswith(f"{name}.") for name in allow):
        raise InvalidInputError(
            f"{uri}/hasher.json: the network of modality {modality!r} is network.path={network.path}, code that is not "
            f"allowed to run here; if you trust it, type Hasher.load(..., allow=({module!r},)), or in the pipeline's "
            f"file hasher: {{allow: [{module}]}}"
        )
