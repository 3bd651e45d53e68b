"""How the workers of a slot find each other: on one machine without a port that other machines could reach.

Torch's own way is a server of the first worker, which listens on every interface and asks nobody who he is. Workers of
a Ray that listens on loopback alone meet at a file instead, and exchange tensors over loopback.
"""

from __future__ import annotations

import os
import tempfile
from typing import Final

import ray
from ray.train.torch import TorchConfig
from ray.train.torch.config import (  # what TorchConfig does by default; ray is pinned
    _set_torch_distributed_env_vars,
    _setup_torch_process_group,
    _TorchBackend,
)
from ray.train.v2._internal.execution.worker_group import WorkerGroup
from typing_extensions import override

from raysat.execution.workers.termination import save_at_sigterm

_LOOPBACK: Final = ("127.0.0.1", "::1")


class ProcessGroupConfig(TorchConfig):  # type: ignore[misc]  # ray ships no types
    """Torch's process group, as Ray sets it up, but for workers of one machine."""

    @property
    @override
    def backend_cls(self) -> type[_TorchBackend]:
        return _Backend


class _Backend(_TorchBackend):  # type: ignore[misc]  # ray ships no types
    @override
    def on_start(self, worker_group: WorkerGroup, backend_config: TorchConfig) -> None:
        worker_group.execute(save_at_sigterm)
        if not all(worker_group.execute(_is_on_loopback)):
            super().on_start(worker_group, backend_config)
            return
        folder = worker_group.execute_single(0, tempfile.mkdtemp, prefix="raysat-group-")
        worker_group.execute(_set_torch_distributed_env_vars)
        worker_group.execute(_use_loopback)
        ray.get(
            [
                worker_group.execute_single_async(
                    rank,
                    _setup_torch_process_group,
                    backend=backend_config.backend,
                    world_rank=rank,
                    world_size=len(worker_group),
                    init_method=f"file://{folder}/store",
                    timeout_s=backend_config.timeout_s,
                )
                for rank in range(len(worker_group))
            ]
        )


def _is_on_loopback() -> bool:
    """Whether the Ray of this worker listens on loopback: all of it is on this machine."""
    return ray.util.get_node_ip_address() in _LOOPBACK


def _use_loopback() -> None:
    """Have NCCL, which looks for the interface of a network, take that of this machine."""
    os.environ.setdefault("NCCL_SOCKET_IFNAME", "lo")
