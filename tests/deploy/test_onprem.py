"""``cluster-onprem.yaml`` launched over SSH: from one host ``ray up`` starts Ray on two others, which train Table 2.

Word for word but for addresses, and for what would be installed: hosts reach no package index.
"""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from raysat.data.store import PatchStore
from tests.helpers.host_fixtures import hosts_of_tests
from tests.helpers.hosts import Host
from tests.helpers.jobs import PATIENCE, Jobs, is_plain
from tests.helpers.paths import ROOT, SPACES
from tests.helpers.patience import PATIENCE_S
from tests.helpers.ssh import USER, know_users, make_key, missing_tools, serve_ssh, wait_for_port

pytestmark = [
    pytest.mark.skipif(bool(missing_tools()), reason="no SSH server (Debian: openssh-server, rsync)"),
]

FILE = ROOT / "cluster-onprem.yaml"
S3_PORT = 5000
BUCKET = "s3://study"
UPLOAD = f"""
import os
from pathlib import Path
from raysat.files import as_path
from tests.helpers.object_store import ask
from tests.helpers.remote import upload
ask(os.environ["AWS_ENDPOINT_URL"] + "/study", "PUT")
upload(Path("store"), as_path("{BUCKET}/store"))
"""
RUN = f"{BUCKET}/runs/table2"
# The machines that trained, and the leaderboard.
RESULTS = f"""
from raysat.files import as_path, read_text
from raysat.storage.event_log import read_events
print(*sorted({{event.host for event in read_events(as_path("{RUN}")) if event.trial}}))
print(read_text(as_path("{RUN}/leaderboard.csv"), max_bytes=10**6))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A laptop, and the machines that its SSH reaches."""

    laptop: Host
    machines: tuple[Host, Host]  # head and worker
    environment: dict[str, str]  # of the laptop's commands

    def run(self, *words: object, timeout: float = PATIENCE_S) -> str:
        return self.laptop.run(*words, environment=self.environment, timeout=timeout)


@pytest.fixture(name="site")
def _site(tmp_path: Path, small_store: PatchStore) -> Iterator[Site]:
    """With the store in a bucket, which the laptop serves."""
    with hosts_of_tests(tmp_path) as (laptop, head, worker):
        storage = {
            "AWS_ENDPOINT_URL": f"http://{laptop.address}:{S3_PORT}",
            "AWS_ACCESS_KEY_ID": "id",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
            "AWS_ALLOW_HTTP": "true",
        }
        site = Site(laptop=laptop, machines=(head, worker), environment=storage | {"RAY_AUTH_MODE": "token"})
        home = laptop.tmp / "home"
        for name in (".ssh", ".ray"):
            (home / name).mkdir(mode=0o700)
        keys = home / ".ray" / "storage.env"
        keys.write_text("".join(f"{name}={value}\n" for name, value in storage.items()), encoding="ascii")
        keys.chmod(0o600)
        public = make_key(home / ".ssh" / "id_ed25519")
        know_users(laptop)
        variables = " ".join(f"{name}={value}" for name, value in PATIENCE.items())
        bashrc = f"export PATH={sys.prefix}/bin:/usr/sbin:$PATH PYTHONPATH={ROOT} OMP_WAIT_POLICY=PASSIVE {variables}\n"
        for machine in site.machines:
            serve_ssh(machine, public, bashrc)
        laptop.start("moto_server", "-H", laptop.address, "-p", S3_PORT, stdout=(home / "moto").open("w"))
        wait_for_port(laptop, S3_PORT)
        shutil.copytree(small_store.path, home / "store")
        site.run("python", "-c", UPLOAD)
        yield site


def write_files(site: Site) -> None:
    """The cluster's file for these hosts and a study, in the laptop's home."""
    head, worker = site.machines
    changes = {
        "head_ip: HEAD": f"head_ip: {head.address}",
        "[WORKER-1, WORKER-2]": f"[{worker.address}]",
        "ssh_user: USER": f"ssh_user: {USER}",
        "~/raysat: .": f"~/raysat/search_spaces: {SPACES}",
        "s3://BUCKET": BUCKET,
    }
    text = FILE.read_text(encoding="utf-8")
    for old, new in changes.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    text, count = re.subn(r"python3 -m venv .*$", "echo installed", text, flags=re.MULTILINE)
    assert count == 1
    home = site.laptop.tmp / "home"
    (home / FILE.name).write_text(text, encoding="utf-8")
    study = (SPACES / "table2.yaml").read_text(encoding="utf-8")
    study = study.replace("{name: resnet18}", "{name: test_resnet}").replace("batch_size: 32", "batch_size: 16")
    (home / "study").mkdir()
    (home / "study" / "table2.yaml").write_text(study, encoding="utf-8")


def wait_until(is_so: Callable[[], object], seconds: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def of_ray(host: Host) -> list[int]:
    """The processes of Ray on a host."""
    return [pid for text in ("/ray/", "/bin/ray ", "ray::", "/dev/tcp/") for pid in host.processes(text)]


def test_up_submit_stop_again_and_down(site: Site) -> None:
    """Both machines train; the run lies in the bucket; ``ray down`` leaves it, and nothing of Ray on the machines."""
    write_files(site)
    head, worker = site.machines
    site.run("bash", "-c", "umask 077; ray get-auth-token --generate")
    assert "nothing is wrong" in site.run("raysat", "cluster", "check", FILE.name)
    site.run("ray", "up", "--yes", FILE.name, timeout=PATIENCE_S)
    forward = site.laptop.start("ray", "dashboard", FILE.name, environment=site.environment, stdout=subprocess.DEVNULL)
    wait_for_port(site.laptop, 8265, "127.0.0.1")
    wait_until(lambda: worker.processes("raylet/raylet"), 200)  # the head starts it

    jobs = Jobs(user=site.laptop, head=head, environment=site.environment)
    words = ["raysat", "ablate", "--space", "table2.yaml", "--epochs", "16", "--seeds", "1"]
    words += ["--data", f"{BUCKET}/store", "--address", "auto", "--cpus-per-trial", "2", "--max-concurrent", "2"]
    jobs.submit("first", *words, options=["--working-dir", "study"])
    jobs.wait_for(r"^ +1/7  .*  done  ", "first")
    wait_until(lambda: all(machine.processes("ray::raysat table2: ") for machine in site.machines))
    stopped = jobs.stop("first")
    assert stopped.endswith("\nstopped; the same command resumes from here\n"), stopped
    assert is_plain(stopped), stopped
    assert re.search(r"^ 2 local\.cluster\.node$", site.run("ray", "exec", FILE.name, "ray status"), re.MULTILINE)

    jobs.submit("second", *words, options=["--working-dir", "study"])
    jobs.end("second")
    log = jobs.log("second")
    assert re.search(r"^resuming   \d of 7 trials are finished already$", log, re.MULTILINE), log
    assert is_plain(log)
    assert jobs.status("second") == "SUCCEEDED 0"
    for machine in (site.laptop, *site.machines):
        folder = machine.tmp / "home" / ".ray"
        modes = [path.stat().st_mode & 0o777 for path in (folder, folder / "auth_token", folder / "storage.env")]
        assert modes == [0o700, 0o600, 0o600]

    site.laptop.kill("ray dashboard")
    forward.wait(timeout=30)
    site.run("ray", "down", "--yes", FILE.name, timeout=PATIENCE_S)
    assert of_ray(head) == []
    wait_until(lambda: not of_ray(worker), 60)  # hears nothing of its head
    assert "trials     7 done" in site.run("raysat", "status", RUN)
    assert "whole      7 records" in site.run("raysat", "ledger", "verify", RUN)
    names, *board = site.run("python", "-c", RESULTS).strip().splitlines()
    assert names == "host2 host3"
    assert sorted(row["arm"][:3] for row in csv.DictReader(board)) == [f"({number})" for number in range(1, 8)]
