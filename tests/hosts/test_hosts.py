"""The hosts themselves: apart from each other and from this machine, cut and mended, and gone afterwards."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.helpers.hosts import NO_HOSTS, Host
from tests.helpers.namespaces import HOME
from tests.helpers.paths import ROOT
from tests.helpers.processes import command, marked

pytestmark = pytest.mark.slow

WHY = "no hosts can be made here: unshare: unshare failed: No space left on device; RAYSAT_NO_HOSTS=1 leaves out"
GET = "import urllib.request; print(urllib.request.urlopen('http://{}:8000/', timeout=2).status)"


def reached(host: Host, other: Host) -> bool:
    with host.start("python", "-c", GET.format(other.address)) as client:
        output, _ = client.communicate(timeout=60)
    assert output.endswith(("200\n", "timed out>\n"))
    return client.returncode == 0


def test_each_host_has_a_name_an_address_and_files_of_its_own(machines: list[Host]) -> None:
    for host in machines:
        host.run("bash", "-c", "echo $(hostname) > /tmp/who; touch /var/tmp/mine /dev/shm/mine")
    source = {path.parts[2] for path in (ROOT, Path(sys.prefix)) if path.parts[1] == "tmp"}  # where that lies there
    for host in machines:
        assert (host.tmp / "who").read_text(encoding="utf-8") == f"host{host.number}\n"
        assert host.run("pwd") == f"{HOME}\n"
        assert {path.name for path in host.tmp.iterdir()} == {"home", "who", *source}
        assert set(host.run("ls", "/tmp").split()) == {"home", "who", *source}  # noqa: S108
        assert host.run("ls", "/dev/shm") == "mine\n"  # noqa: S108
        assert "127.0.0.1" not in host.run("ip", "-4", "addr", "show", "eth0")
        assert f" {host.address}/24 " in host.run("ip", "-4", "addr", "show", "eth0")
    assert not Path("/var/tmp/mine").exists()  # noqa: S108


def test_a_host_runs_the_source_under_test(machines: list[Host]) -> None:
    found = machines[0].run("python", "-c", "import raysat; print(raysat.__file__)")
    assert Path(found.strip()) == ROOT / "raysat" / "__init__.py"


def test_a_cut_network_loses_what_is_sent_until_it_is_mended(machines: list[Host]) -> None:
    one, two, three = machines
    one.start("python", "-m", "http.server", "8000", stdout=subprocess.DEVNULL)
    three.run("bash", "-c", f"until (: < /dev/tcp/{one.address}/8000) 2> /dev/null; do sleep 0.05; done")
    assert reached(two, one)
    one.cut(two)
    assert (reached(two, one), reached(three, one)) == (False, True)
    one.mend(two)
    one.cut()
    assert (reached(two, one), reached(three, one)) == (False, False)
    one.mend()
    assert (reached(two, one), reached(three, one)) == (True, True)
    assert one.kill("http.server") == 1


def test_processes_are_found_and_killed_on_their_host_alone(machines: list[Host]) -> None:
    one, two, _ = machines
    here, there = one.start("sleep", "1001"), two.start("sleep", "1001")
    while not (one.processes("sleep 1001") and two.processes("sleep 1001")):
        time.sleep(0.05)
    assert one.kill("sleep 1001", signal.SIGTERM) == 1
    assert here.wait(timeout=10) == -signal.SIGTERM
    assert there.poll() is None
    assert two.kill("sleep 1001") == 1
    assert there.wait(timeout=10) == -signal.SIGKILL


def test_a_command_that_fails_or_hangs_says_so(machines: list[Host]) -> None:
    with pytest.raises(AssertionError, match=r"ended with 3:\nwhy"):
        machines[0].run("bash", "-c", "echo why; exit 3")
    with pytest.raises(AssertionError, match=r"took more than 0.5 s:\nsome"):
        machines[0].run("bash", "-c", "echo some; sleep 1002", timeout=0.5)
    assert machines[0].processes("sleep 1002") == []


BED = """
import sys
from pathlib import Path
from tests.helpers.hosts import hosts
with hosts(Path(sys.argv[1]), count=1) as (host,):
    host.start("bash", "-c", "setsid sleep 1003 & exec sleep 1003", environment={"MARK": sys.argv[1]}, stdout=None)
    print(host.init, flush=True)
    if sys.argv[2] == "raises":
        raise ValueError
    sys.stdin.read()
"""


@pytest.mark.parametrize("how", ["raises", "is killed"])
def test_nothing_is_left_whatever_becomes_of_the_caller(tmp_path: Path, how: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", BED, str(tmp_path), how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
        text=True,
    ) as caller:
        assert caller.stdout
        init = int(caller.stdout.readline())
        if how == "is killed":
            while len(marked(f"MARK={tmp_path}")) < 2:
                assert caller.poll() is None
            caller.kill()
        caller.wait(timeout=30)
    while command(init) or marked(f"MARK={tmp_path}"):  # until this test's time-out
        time.sleep(0.05)
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text(encoding="utf-8")
    assert str(tmp_path) not in subprocess.run(["ip", "link"], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(("answer", "found"), [("0", "1 error"), ("1", "1 skipped")])
def test_where_no_hosts_can_be_made_is_a_failure_unless_the_user_says_so(
    tmp_path: Path, answer: str, found: str
) -> None:
    """In a user namespace in which no further one can be made."""
    inner = f"{sys.executable} -m pytest -p no:cacheprovider --basetemp={tmp_path / 'inner'}"
    inner += " tests/hosts/test_hosts.py -k an_address_and_files"
    words = ["unshare", "--user", "--map-root-user", "bash", "-c"]
    words += [f"echo 0 > /proc/sys/user/max_user_namespaces && exec {inner}"]
    environment = {**os.environ, NO_HOSTS: answer}
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
    assert found in done.stdout
    assert (WHY in done.stdout) == (answer == "0")
