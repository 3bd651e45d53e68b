"""What control groups and users' limits leave: read from planted files of both versions, and judged."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from raysat.execution.doctor.limits import Quota, container, processes, read_quota


def plant(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(f"{text}\n", encoding="ascii")


def test_version_2_with_a_tighter_group_above(tmp_path: Path) -> None:
    root, own = tmp_path / "cgroup", tmp_path / "own"
    own.write_text("0::/pod/task\n", encoding="ascii")
    plant(root / "pod", memory__max="2147483648", cpu__max="50000 100000", pids__max="max")
    plant(root / "pod" / "task", memory__max="max", cpu__max="max 100000", pids__max="300")
    plant(root / "pod" / "task", cpu__stat="usage_usec 5\nnr_periods 200\nnr_throttled 150")
    assert read_quota(root, own) == Quota(cpus=0.5, memory=2 << 30, processes=300, throttled=0.75)


def test_version_1_whose_groups_are_the_hosts_and_not_to_be_seen_here(tmp_path: Path) -> None:
    root, own = tmp_path / "cgroup", tmp_path / "own"
    own.write_text("9:name=systemd:/x\n4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n2:pids:/\n", encoding="ascii")
    plant(root / "memory", memory__limit_in_bytes="9223372036854771712")
    plant(root / "cpu,cpuacct", cpu__cfs_quota_us="-1", cpu__cfs_period_us="100000")
    plant(root / "pids", pids__max="max")
    assert read_quota(root, own) == Quota()
    plant(root / "memory" / "docker" / "abc", memory__limit_in_bytes="1000000000")
    plant(root / "cpu,cpuacct" / "docker" / "abc", cpu__cfs_quota_us="150000", cpu__cfs_period_us="100000")
    assert read_quota(root, own) == Quota(cpus=1.5, memory=1_000_000_000)


@pytest.mark.parametrize("text", ["", "garbage", "0::/../../..", "max max"])
def test_what_cannot_be_read_sets_no_limit(tmp_path: Path, text: str) -> None:
    root, own = tmp_path / "cgroup", tmp_path / "own"
    own.write_text(text, encoding="ascii")
    plant(root, cpu__max=text, memory__max=text, pids__max=text)
    assert read_quota(root, own) == Quota()
    assert read_quota(tmp_path / "none", tmp_path / "nothing") == Quota()


@pytest.mark.parametrize(
    ("quota", "level", "words"),
    [
        (Quota(), "ok", ""),
        (Quota(cpus=4, memory=16 << 30), "ok", ""),
        (Quota(memory=2 << 30), "warning", "--memory"),
        (Quota(cpus=1, throttled=0.9), "warning", "--max-concurrent"),
        (Quota(cpus=1, throttled=0.01), "ok", ""),
    ],
)
def test_a_container(quota: Quota, level: str, words: str) -> None:
    check = container(quota)
    assert (check.level, words in (check.remedy or "")) == (level, True)


def test_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    for limit, quota, level, words in (
        (resource.RLIM_INFINITY, None, "ok", ""),
        (65536, None, "ok", ""),
        (512, None, "warning", "ulimit -u"),
        (65536, 100, "warning", "--pids-limit"),
        (100, 65536, "warning", "ulimit -u"),
    ):
        monkeypatch.setattr(resource, "getrlimit", lambda _, limit=limit: (limit, limit))
        check = processes(Quota(processes=quota))
        assert (check.level, words in (check.remedy or "")) == (level, True)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert processes(Quota()).found == "no limit", "root has none"
