"""Three hosts with one Ray over them, for all tests of a file; where hosts cannot be made, that is a failure."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.helpers.cluster import start_ray
from tests.helpers.host_fixtures import hosts_of_tests
from tests.helpers.hosts import NO_HOSTS, Host

S3_PORT = 5000


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave these tests out where the user says that hosts cannot be made."""
    if os.environ.get(NO_HOSTS) == "1":
        for item in items:
            if item.path.is_relative_to(Path(__file__).parent):
                item.add_marker(pytest.mark.skip(reason=f"{NO_HOSTS}=1"))


@pytest.fixture(scope="module", name="machines")
def _machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Host]]:
    with hosts_of_tests(tmp_path_factory.mktemp("hosts")) as machines:
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
