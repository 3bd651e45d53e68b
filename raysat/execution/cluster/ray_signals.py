"""SIGTERM while Ray starts and ends: Ray takes it for itself, then gives it to the system, which ends the process."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ray._private import utils
from ray._private.node import Node


@contextmanager
def same_signals() -> Iterator[None]:
    """Keep SIGTERM with who has it while Ray starts or ends within: how it ends is up to the program around it.

    Ray's Python code takes it through a function of its own, its C++ code without. The latter gives it up before the
    daemons are ended, which takes a second; so it is taken back there, not only at the end.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM) or signal.SIG_DFL
    take, end_daemons = utils.set_sigterm_handler, Node.kill_all_processes

    def take_back(*_: Any) -> None:
        signal.signal(signal.SIGTERM, before)

    def take_back_first(node: Node, *args: Any, **options: Any) -> None:
        take_back()
        end_daemons(node, *args, **options)

    utils.set_sigterm_handler, Node.kill_all_processes = take_back, take_back_first
    try:
        yield
    finally:
        utils.set_sigterm_handler, Node.kill_all_processes = take, end_daemons
        take_back()
