"""Hosts for tests: where none can be made, that is a failure, unless the user says so."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.helpers.hosts import NO_HOSTS, Host, hosts
from tests.helpers.namespaces import NoHostsError


@contextmanager
def hosts_of_tests(folder: Path, count: int = 3) -> Iterator[list[Host]]:
    """Have hosts, as ``hosts`` makes them, or end the test.

    Args:
        folder: an empty one.
        count: how many.

    Yields:
        The hosts.
    """
    if os.environ.get(NO_HOSTS) == "1":
        pytest.skip(f"{NO_HOSTS}=1")
    with ExitStack() as stack:
        try:
            machines, why = stack.enter_context(hosts(folder, count)), ""
        except NoHostsError as error:
            machines, why = [], str(error)
        if why:
            pytest.fail(f"no hosts can be made here: {why}; {NO_HOSTS}=1 leaves out what needs them", pytrace=False)
        yield machines
