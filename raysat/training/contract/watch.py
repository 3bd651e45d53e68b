"""Notices where a step looks at a number on the way, on the CPU too: what a CUDA graph could not hold.

``Looks`` sees what Python asks of a tensor (``item``, ``bool``, ``cpu``), ``LooksWithin`` what torch asks by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final
from unittest.mock import patch

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from typing_extensions import override

from raysat.training.contract.findings import BrokenError
from raysat.training.graphs import Replay

_OF_TENSORS: Final = frozenset(
    getattr(torch.Tensor, name)
    for name in (
        *("item", "tolist", "numpy", "cpu", "nonzero"),
        *("__bool__", "__float__", "__int__", "__index__", "__array__"),
    )
)
_WITHIN: Final = (torch.ops.aten._local_scalar_dense.default, torch.ops.aten.nonzero.default)


class Looks(TorchFunctionMode):
    """Fails where Python asks for a number of a tensor, or for its values on the host."""

    @override
    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func in _OF_TENSORS:
            raise BrokenError(f"{func.__name__} waits for the device")
        return func(*args, **(kwargs or {}))


class LooksWithin(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Fails where torch itself asks for a number, or for how many elements are not zero."""

    @override
    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func in _WITHIN:
            raise BrokenError(f"{func} waits for the device")
        return func(*args, **(kwargs or {}))


@contextmanager
def steps_watched() -> Iterator[None]:
    """Raise BrokenError where anything that would be recorded as a graph within asks for a number."""
    replay = Replay.__call__

    def watched(of: Replay, function: Callable[[], None]) -> None:
        with Looks(), LooksWithin():  # type: ignore[no-untyped-call]
            replay(of, function)

    with patch.object(Replay, "__call__", watched):
        yield
