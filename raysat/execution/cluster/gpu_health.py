"""How NVIDIA's driver says its cards are: which have errors that no training survives, and which want a look.

Read by NVIDIA's own binding of NVML, as Ray brings it; here alone. A card that has fallen off the bus, or has memory
errors that ECC could not correct, fails every job that it gets.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from ray._private.thirdparty.pynvml import pynvml

_T = TypeVar("_T")
_RESET: Final = "reset it (nvidia-smi --gpu-reset -i {0}) or restart the machine; replace it where that comes again"
_LOST: Final = (pynvml.NVML_ERROR_GPU_IS_LOST, pynvml.NVML_ERROR_RESET_REQUIRED, pynvml.NVML_ERROR_UNKNOWN)
# CUDA's words (cudaGetErrorString) for what is a card's or a driver's fault, never a program's.
_HARDWARE: Final = (
    "uncorrectable ECC error",
    "uncorrectable NVLink error",
    "hardware stack error",
    "over nvlink or a hardware error",
    "CUDA-capable device(s) is/are busy or unavailable",
    "no CUDA-capable device is detected",
    "system not yet initialized",
    "unsupported display driver / cuda driver combination",
    "CUDA driver version is insufficient",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What the driver says of a card."""

    index: str  # as CUDA_VISIBLE_DEVICES names it
    name: str = "a card"
    memory: int = 0  # bytes
    lost: str | None = None  # why it does not answer
    uncorrected: int = 0  # memory errors since the driver was loaded that ECC could not correct
    remapping_failed: bool = False  # no spare rows of memory are left for broken ones
    remapping_pending: bool = False  # broken rows are replaced at the next reset

    @property
    def fault(self) -> str | None:
        """Why no job should get it."""
        if self.lost:
            return f"does not answer ({self.lost})"
        if self.remapping_failed:
            return "has broken memory, and no spare rows to replace it"
        if self.uncorrected:
            return f"has {self.uncorrected:,} uncorrected memory errors (ECC)"
        return None

    @property
    def warning(self) -> str | None:
        """What should be done about it at some time."""
        return "replaces broken rows of its memory at its next reset" if self.remapping_pending else None

    @property
    def remedy(self) -> str:
        """What to do about either."""
        return _RESET.format(self.index)

    def __str__(self) -> str:
        return f"GPU {self.index} ({self.name})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """NVIDIA's driver, and the newest CUDA that it runs."""

    version: str
    cuda: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoDriver:
    """Why there is none that answers."""

    cause: str
    is_absent: bool  # there is no driver at all


def read_driver() -> Driver | NoDriver:
    """Ask for the driver."""
    try:
        with _nvml():
            major, minor = divmod(pynvml.nvmlSystemGetCudaDriverVersion_v2(), 1000)
            return Driver(version=str(pynvml.nvmlSystemGetDriverVersion()), cuda=(major, minor // 10))
    except pynvml.NVMLError as error:
        absent = (pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, pynvml.NVML_ERROR_DRIVER_NOT_LOADED)
        return NoDriver(cause=str(error), is_absent=error.value in absent)


def visible_cards() -> list[str] | None:
    """The cards that this process may use, as CUDA_VISIBLE_DEVICES names them; None for all."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return None if visible is None else [card.strip() for card in visible.split(",") if card.strip() not in ("", "-1")]


def read_cards(names: Sequence[str] | None) -> list[Card]:
    """Ask for cards, by index or UUID; for all where none is named. Empty where no driver answers."""
    try:
        with _nvml():
            if names is None:
                names = [str(index) for index in range(pynvml.nvmlDeviceGetCount())]
            return [_card(name) for name in names]
    except pynvml.NVMLError:
        return []


@contextmanager
def _nvml() -> Iterator[None]:
    pynvml.nvmlInit()
    try:
        yield
    finally:
        pynvml.nvmlShutdown()


def _card(index: str) -> Card:
    try:
        by_uuid = not index.isdigit()
        handle = pynvml.nvmlDeviceGetHandleByUUID(index) if by_uuid else pynvml.nvmlDeviceGetHandleByIndex(int(index))
        name = pynvml.nvmlDeviceGetName(handle)
    except pynvml.NVMLError as error:
        return Card(index=index, lost=str(error))
    errors = (handle, pynvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, pynvml.NVML_VOLATILE_ECC)
    try:
        _, _, pending, failed = _told(pynvml.nvmlDeviceGetRemappedRows, handle, otherwise=(0, 0, 0, 0))
        memory = _told(pynvml.nvmlDeviceGetMemoryInfo, handle, otherwise=None)
        return Card(
            index=index,
            name=str(name),
            memory=int(memory.total) if memory else 0,
            uncorrected=int(_told(pynvml.nvmlDeviceGetTotalEccErrors, *errors, otherwise=0)),
            remapping_failed=bool(failed),
            remapping_pending=bool(pending),
        )
    except pynvml.NVMLError as error:
        return Card(index=index, name=str(name), lost=str(error))


def _told(ask: Callable[..., Any], *about: Any, otherwise: _T) -> Any | _T:
    """What a card answers, or something else where it knows no such thing. Raises NVMLError where it is lost."""
    try:
        return ask(*about)
    except pynvml.NVMLError as error:
        if error.value in _LOST:
            raise
        return otherwise


def hardware_fault(error: BaseException) -> str | None:
    """CUDA's words for what is the fault of a card or its driver, where an error has such; its first line then."""
    lines = str(error).splitlines()
    return lines[0] if any(words in line for words in _HARDWARE for line in lines) else None
