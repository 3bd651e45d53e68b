"""In the place of a worker: has the fork server make that one; where this cannot, becomes it. Standard library alone.

python -I -S fork_client.py SOCKET COMMAND ...
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path
from typing import Final

_LENGTH: Final = 8  # bytes, as in ``fork_server.py``


def main() -> None:
    """Ask; end when the worker has begun."""
    path, *command = sys.argv[1:]
    request = {
        "command": command,
        "environment": dict(os.environ),
        "directory": str(Path.cwd()),
        "priority": os.getpriority(os.PRIO_PROCESS, 0),
        "leads": os.getpgrp() == os.getpid(),
        "oom": Path("/proc/self/oom_score_adj").read_text(encoding="ascii"),
    }
    content = json.dumps(request).encode()
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(path)
            socket.send_fds(connection, [len(content).to_bytes(_LENGTH, "big")], [0, 1, 2])
            connection.sendall(content)
            if connection.recv(1):
                return
    except OSError:
        pass
    os.execv(sys.executable, [sys.executable, *command])  # noqa: S606  (the worker, as Ray starts it)


if __name__ == "__main__":
    main()
