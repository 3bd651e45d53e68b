"""Three hosts with one Ray over them, for all tests of a file; where hosts cannot be made, that is a failure."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from raysat.data.store import PatchStore, StoreWriter
from tests.helpers.cluster import start_ray
from tests.helpers.hosts import NO_HOSTS, Host, hosts
from tests.helpers.namespaces import NoHostsError

S3_PORT = 5000


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave these tests out where the user says that hosts cannot be made."""
    if os.environ.get(NO_HOSTS) == "1":
        for item in items:
            if item.path.is_relative_to(Path(__file__).parent):
                item.add_marker(pytest.mark.skip(reason=f"{NO_HOSTS}=1"))


@pytest.fixture(scope="module", name="machines")
def _machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Host]]:
    with ExitStack() as stack:
        try:
            machines, why = stack.enter_context(hosts(tmp_path_factory.mktemp("hosts"))), ""
        except NoHostsError as error:
            machines, why = [], str(error)
        if why:
            pytest.fail(f"no hosts can be made here: {why}; {NO_HOSTS}=1 leaves out what needs them", pytrace=False)
        yield machines


@dataclass(frozen=True, slots=True, kw_only=True)
class Machines:
    """Three hosts of one CPU each, and the Ray over them."""

    head: Host
    second: Host
    third: Host
    address: str
    s3: Mapping[str, str]  # environment of who uses the object store that a test may start on the third host


@pytest.fixture(scope="module", name="cluster")
def _cluster(machines: list[Host]) -> Machines:
    head, second, third = machines
    s3 = {
        "AWS_ENDPOINT_URL": f"http://{third.address}:{S3_PORT}",
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }
    address = start_ray(machines, cpus=(1, 1, 1), environment=s3)
    return Machines(head=head, second=second, third=third, address=address, s3=s3)


@pytest.fixture(scope="session", name="small_store")
def _small_store(tmp_path_factory: pytest.TempPathFactory) -> PatchStore:
    """Three classes, 40, 14 and 10 training patches of 3 bands, 16 x 16: enough for two generators."""
    rng, path = np.random.default_rng(0), tmp_path_factory.mktemp("stores") / "store"
    with StoreWriter(path, bands=("B2", "B5", "B6"), classes=("a", "b", "c"), sensor="landsat8", source={}) as writer:
        for label, count in enumerate((40, 14, 10)):
            for split, share in (("train", count), ("val", 8), ("test", 8)):
                for _ in range(share):
                    writer.add(rng.integers(50 * label, 50 * label + 100, (3, 16, 16)).astype(np.uint8), label, split)
        return writer.close()
