"""In the place of Ray's ``setup_worker.py``, which imports Ray for a second to set variables and start the worker.

    python worker_setup.py FLAG ... WORKER --serialized-runtime-env-context=JSON --language=PYTHON ...

A worker that the fork server is to make (``forked_workers.py``) is asked for here; any other goes Ray's own way.
Standard library alone.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_CONTEXT: Final = "--serialized-runtime-env-context="
_PYTHON: Final = "--language=PYTHON"
_CLIENT: Final = "fork_client.py"


def main() -> None:
    """Start the worker."""
    if command := forked(sys.argv[1:]):
        os.execv(command[0], command)  # noqa: S606  (the worker, as the driver wants it)
    spec = importlib.util.find_spec("ray")
    ray = Path(spec.origin).parent if spec and spec.origin else Path()
    theirs = ray / "_private" / "workers" / "setup_worker.py"
    os.execv(sys.executable, [sys.executable, str(theirs), *sys.argv[1:]])  # noqa: S606


def forked(words: Sequence[str]) -> list[str]:
    """The command that asks the fork server, whose environment is set here as Ray would; none for other workers."""
    contexts = [word.removeprefix(_CONTEXT) for word in words if word.startswith(_CONTEXT)]
    if len(contexts) != 1 or _PYTHON not in words:
        return []
    context = json.loads(contexts[0])
    client = shlex.split(context.get("py_executable") or "")
    others = context.get("command_prefix"), context.get("override_worker_entrypoint"), context.get("java_jars")
    if any(others) or not any(Path(word).name == _CLIENT for word in client):
        return []
    for name, value in (context.get("env_vars") or {}).items():
        os.environ[name] = re.sub(r"\$\{[A-Z0-9_]+\}", "", os.path.expandvars(value))
    left = [word for word in words if not (word.startswith(_CONTEXT) or word == _PYTHON)]
    return [*client, *left]


if __name__ == "__main__":
    main()
