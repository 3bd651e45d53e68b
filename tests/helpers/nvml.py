"""A driver of NVIDIA's as its C library is: what stands in its place answers NVIDIA's own binding as the driver would.

with driver(Gpu(), Gpu(uncorrected=3), Gpu(lost=True)):
    ...
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from ray._private.thirdparty.pynvml import pynvml


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """A card, as the driver sees it."""

    name: str = "NVIDIA H100"
    memory: int = 80 << 30
    ecc: bool = True  # consumer cards have none
    uncorrected: int = 0
    remapped: tuple[int, int, int, int] = (0, 0, 0, 0)  # correctable, uncorrectable, pending, failed
    lost: bool = False


class _Library:
    """The functions of ``libnvidia-ml.so`` that are called; each returns NVML's code, and writes into its arguments."""

    def __init__(self, gpus: tuple[Gpu, ...], version: str, cuda: int) -> None:
        self._gpus, self._version, self._cuda = gpus, version.encode(), cuda

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)  # as of a library without the function

    def nvmlInitWithFlags(self, _: Any) -> int:  # noqa: N802
        return pynvml.NVML_SUCCESS

    def nvmlShutdown(self) -> int:  # noqa: N802
        return pynvml.NVML_SUCCESS

    def nvmlDeviceGetCount_v2(self, count: Any) -> int:  # noqa: N802
        count._obj.value = len(self._gpus)
        return pynvml.NVML_SUCCESS

    def nvmlSystemGetCudaDriverVersion_v2(self, version: Any) -> int:  # noqa: N802
        version._obj.value = self._cuda
        return pynvml.NVML_SUCCESS

    def nvmlSystemGetDriverVersion(self, text: Any, _: Any) -> int:  # noqa: N802
        text.value = self._version
        return pynvml.NVML_SUCCESS

    def nvmlDeviceGetHandleByIndex_v2(self, index: Any, handle: Any) -> int:  # noqa: N802
        if index.value >= len(self._gpus):
            return pynvml.NVML_ERROR_INVALID_ARGUMENT
        if self._gpus[index.value].lost:
            return pynvml.NVML_ERROR_GPU_IS_LOST
        handle._obj.contents = pynvml.struct_c_nvmlDevice_t()
        self._handles = {**getattr(self, "_handles", {}), _address(handle._obj): self._gpus[index.value]}
        return pynvml.NVML_SUCCESS

    def nvmlDeviceGetName(self, handle: Any, text: Any, _: Any) -> int:  # noqa: N802
        text.value = self._of(handle).name.encode()
        return pynvml.NVML_SUCCESS

    def nvmlDeviceGetMemoryInfo(self, handle: Any, memory: Any) -> int:  # noqa: N802
        memory._obj.total = self._of(handle).memory
        return pynvml.NVML_SUCCESS

    def nvmlDeviceGetRemappedRows(self, handle: Any, *values: Any) -> int:  # noqa: N802
        if not self._of(handle).ecc:
            return pynvml.NVML_ERROR_NOT_SUPPORTED
        for value, number in zip(values, self._of(handle).remapped, strict=True):
            value._obj.value = number
        return pynvml.NVML_SUCCESS

    def nvmlDeviceGetTotalEccErrors(self, handle: Any, kind: Any, counter: Any, count: Any) -> int:  # noqa: N802
        if not self._of(handle).ecc:
            return pynvml.NVML_ERROR_NOT_SUPPORTED
        assert (kind.value, counter.value) == (pynvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, pynvml.NVML_VOLATILE_ECC)
        count._obj.value = self._of(handle).uncorrected
        return pynvml.NVML_SUCCESS

    def _of(self, handle: Any) -> Gpu:
        gpu: Gpu = self._handles[_address(handle)]
        return gpu


def _address(handle: Any) -> int:
    return pynvml.addressof(handle.contents)


@contextmanager
def driver(*gpus: Gpu, version: str = "580.65.06", cuda: int = 13000) -> Iterator[None]:
    """Have a driver with some cards, in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pynvml, "nvmlLib", _Library(gpus, version, cuda))
        patch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})
        yield
