"""Has the workers of a Ray of one's own forked from a process that imports what they need while Ray starts.

Importing torch, timm and Ray takes a worker some four seconds of a core; here once, beside Ray's own start, for all of
them, and those that take the place of a killed one. On Linux alone: elsewhere libraries do not stand a fork.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Final

from raysat.execution.cluster import fork_client, fork_server
from raysat.execution.cluster.ray_processes import RayProcesses

# Not Ray itself: when it is imported it reads variables that each worker gets from its raylet.
_MODULES: Final = (
    *("raysat.training.loop", "raysat.training.models.build", "torch._dynamo"),  # the last by each optimiser of torch
    *("raysat.planning.stages", "raysat.storage.artifacts"),
    *("pandas", "pyarrow.fs", "fsspec", "jsonschema", "requests"),  # by Ray
)
# Without the threads that numpy and pyarrow start when they are imported.
_ENVIRONMENT: Final = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}


def start_fork_server(folder: Path, processes: RayProcesses) -> dict[str, str]:
    """Start the process, in the directory of Ray's.

    Args:
        folder: a private one, for its socket.
        processes: those that end with Ray.

    Returns:
        What is to be added to the runtime environment of workers.
    """
    if sys.platform != "linux":
        return {}
    path = folder / "fork"
    processes.start([sys.executable, fork_server.__file__, str(path), str(Path.cwd()), *_MODULES], _ENVIRONMENT)
    return {"py_executable": shlex.join([sys.executable, "-I", "-S", fork_client.__file__, str(path)])}
