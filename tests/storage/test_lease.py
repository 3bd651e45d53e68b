"""One driver a run in an object store: the second is refused soon, takes over what nobody renews, and is found out."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from raysat.errors import BusyError, DiskError
from raysat.files import ObjectPath, folder_entries, read_bytes, write_atomic
from raysat.storage.lease import LeaseFile, _path, lease_holder, leased
from tests.helpers.paths import ROOT

pytestmark = pytest.mark.slow

TTL = 1.5

HOLD = """
import sys, time
from raysat.files import as_path
from raysat.storage.lease import leased
with leased(as_path(sys.argv[1]), ttl=float(sys.argv[2])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def run(bucket: ObjectPath) -> ObjectPath:
    return bucket / "runs" / "study"


@pytest.fixture
def holder(run):
    """Another process that holds the run."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(run), str(TTL)], stdout=subprocess.PIPE, cwd=ROOT)
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def numbers(run: ObjectPath) -> list[str]:
    return [entry.name for entry in folder_entries(run / "lease")]


def test_one_after_the_other_each_with_the_next_number(run):
    for number in range(1, 4):
        began = time.monotonic()
        with leased(run, ttl=30) as lease:
            lease.check()
            assert numbers(run) == [f"{number:08d}.json"]
        assert time.monotonic() - began < 3  # what was released is free at once
    assert lease_holder(run) is None


def test_a_second_is_refused_soon_and_told_who_holds_it(run, holder):
    began = time.monotonic()
    with pytest.raises(BusyError, match=f"pid {holder.pid} on ") as caught, leased(run, ttl=TTL):
        pass
    assert time.monotonic() - began < TTL
    assert "{--wait}" in caught.value.hint_template
    assert lease_holder(run).startswith(f"pid {holder.pid} on ")


def test_what_a_killed_process_held_is_taken_over_after_its_time_to_live(run, holder):
    holder.kill()
    began = time.monotonic()
    with leased(run, ttl=TTL):
        waited = time.monotonic() - began
        assert numbers(run) == ["00000002.json"]
    assert TTL - 0.1 < waited < TTL + 2


def test_who_waits_is_told_once_and_goes_on_when_the_other_ends(run, holder):
    told, held = [], threading.Event()

    def wait():
        with leased(run, told.append, ttl=TTL):
            held.set()

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(2 * TTL)  # several renewals
    assert not held.is_set()
    holder.kill()
    thread.join(timeout=10)
    assert held.is_set()
    assert len(told) == 1
    assert f"pid {holder.pid}" in told[0]


def test_of_many_that_find_it_free_one_holds_it_at_a_time(run):
    inside, most, entered = 0, 0, 0
    lock = threading.Lock()

    def enter():
        nonlocal inside, most, entered
        with leased(run, lambda _: None, ttl=TTL):
            with lock:
                inside, entered = inside + 1, entered + 1
                most = max(most, inside)
            time.sleep(0.1)
            with lock:
                inside -= 1

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert (most, entered) == (1, 4)


def test_who_was_suspended_and_overtaken_finds_out_however_soon_it_renews(run):
    with leased(run, ttl=TTL) as lease:
        lease._put_at -= 10 * TTL  # as if its thread had been stopped meanwhile
        lease._sure_at -= 10 * TTL
        overtaker = LeaseFile(owner="b" * 16, host="h", pid=1, count=0, ttl=TTL, time=0)
        write_atomic(_path(run / "lease", 2), overtaker.model_dump_json())
        with pytest.raises(DiskError, match="took over"):
            lease.check()
    assert read_bytes(_path(run / "lease", 2), max_bytes=9999) == overtaker.model_dump_json().encode()


def test_a_renewal_that_comes_late_is_not_trusted_alone(run):
    with leased(run, ttl=60) as lease:
        lease._put_at -= 600
        lease._sure_at -= 600
        lease._renew()
        assert lease._sure_at < lease._put_at - 60  # until the next one, who writes looks for itself
        lease.check()
        lease._renew()
        assert lease._sure_at == lease._put_at


def test_a_lease_that_cannot_be_read_is_taken_over_like_a_dead_one(run):
    write_atomic(_path(run / "lease", 7), b"\xff damaged")
    began = time.monotonic()
    with leased(run, ttl=TTL):
        assert time.monotonic() - began > TTL - 0.1
        assert numbers(run) == ["00000008.json"]


@pytest.mark.parametrize("number", [99_999_999, 10**11])
def test_numbers_grow_beyond_eight_digits(run, number):
    write_atomic(_path(run / "lease", number), b"{}")
    for step in (1, 2):
        with leased(run, ttl=0.3):
            assert numbers(run) == [f"{number + step}.json"]


def test_a_holder_with_a_long_name_is_one_short_line(run):
    file = LeaseFile(owner="a", host="\x1b[2J" + "h" * 10_000, pid=1, count=0, ttl=60, time=time.time())
    write_atomic(_path(run / "lease", 1), file.model_dump_json())
    shown = lease_holder(run)
    assert shown is not None
    assert shown.isprintable()
    assert len(shown) < 200
