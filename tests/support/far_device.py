"""A device that is not there: its tensors say that they lie on it, hold numbers on the CPU, and meet no other tensors.

Torch refuses to compute with tensors of two devices. Where no GPU is, this stands for one and refuses the same, so that
what forgets to move a tensor is found anywhere. Numbers are computed as on the CPU and are the same, but for rounding
where torch adds up in another order. It is registered for a whole process, so whoever uses it has one of its own.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

DEVICE = torch.device("privateuseone:0")  # until it is registered, torch's own name for a device that others bring
MOVES = {"_to_copy", "copy_"}
INDEXED = {"index", "index_put", "index_put_", "_index_put_impl_", "_unsafe_index_put"}  # by indexes on the CPU as well


class FarTensor(torch.Tensor):
    """Says that it lies on the device; `held` are its numbers."""

    held: torch.Tensor

    @staticmethod
    def __new__(cls, held):
        layout = {"strides": held.stride(), "storage_offset": held.storage_offset(), "dtype": held.dtype}
        made = torch.Tensor._make_wrapper_subclass(cls, held.shape, device=DEVICE, **layout)
        made.held = held
        return made

    def __repr__(self):
        return f"FarTensor({self.held})"

    @classmethod
    def __torch_dispatch__(cls, operator, _types, args=(), kwargs=None):
        return computed(operator, args, kwargs or {})


class Far(TorchDispatchMode):
    """Within it there is the device: what is made or moved there becomes a FarTensor."""

    def __torch_dispatch__(self, operator, _types, args=(), kwargs=None):
        return computed(operator, args, kwargs or {})


def computed(operator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return what an operator gives, on the device if it was asked to or its arguments are there."""
    tensors = [each for each in tree_flatten((args, kwargs))[0] if isinstance(each, torch.Tensor)]
    is_far = any(isinstance(each, FarTensor) for each in tensors)
    _, name = operator.name().split("::")
    name = name.partition(".")[0]
    if is_far and name not in MOVES | INDEXED:
        near = [each.shape for each in tensors if not isinstance(each, FarTensor) and each.dim() > 0]
        assert not near, f"{name}: a tensor of shape {near[0]} on the CPU meets one that is not there"
    if kwargs.get("device") is not None:
        is_far = torch.device(kwargs["device"]).type == DEVICE.type
        kwargs = {**kwargs, "device": torch.device("cpu")}
    made = operator(*tree_map(_held, args), **tree_map(_held, kwargs))
    if name.endswith("_") and args and made is _held(args[0]):
        return args[0]  # changed in place
    return tree_map(lambda each: FarTensor(each) if is_far and isinstance(each, torch.Tensor) else each, made)


def _held(value: Any) -> Any:
    """Return the numbers of a tensor on the device, anything else as it is."""
    return value.held if isinstance(value, FarTensor) else value


class _Module(
    backend_registration._DummyBackendModule if hasattr(backend_registration, "_DummyBackendModule") else object
):
    """What torch asks about the device."""

    def get_amp_supported_dtype(self):
        return [torch.bfloat16]


def register() -> str:
    """Make the device known to this process, and return its name."""
    backend_registration._setup_privateuseone_for_python_backend("far", _Module())
    torch.__future__.set_swap_module_params_on_conversion(True)
    return str(DEVICE)


def is_possible() -> bool:
    """Return whether this torch lets a device be made in Python."""
    return hasattr(backend_registration, "_setup_privateuseone_for_python_backend")
