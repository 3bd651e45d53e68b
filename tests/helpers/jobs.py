"""Ray's jobs as a user's machine submits them: submit, wait for what the log says, stop; and what Ray noted of them."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.helpers.hosts import Host
from tests.helpers.patience import PATIENCE_S

DASHBOARD = "http://127.0.0.1:8265"
PATIENCE = {"RAY_raylet_start_wait_time_s": "180"}  # of `ray start` on a busy machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Jobs:
    """Of one cluster."""

    user: Host  # where the dashboard answers on loopback
    head: Host
    environment: Mapping[str, str]  # of the user's commands

    def submit(self, name: str, *words: object, options: Sequence[str] = ()) -> None:
        """Submit a command, and wait for nothing.

        Args:
            name: of the job.
            words: of its command.
            options: of ``ray job submit``.
        """
        self._ray_job("submit", "--no-wait", "--submission-id", name, *options, "--", *words)

    def log(self, name: str) -> str:
        """What a job has printed so far, as it lies on the head."""
        files = [*self.head.tmp.glob(f"ray/session_2*/logs/job-driver-{name}.log")]
        return "".join(file.read_text(encoding="utf-8") for file in files)

    def wait_for(self, pattern: str, name: str, seconds: float = PATIENCE_S) -> None:
        """Wait until a job's log has a line that matches."""
        deadline = time.monotonic() + seconds
        while not re.search(pattern, self.log(name), re.MULTILINE):
            assert time.monotonic() < deadline, self.log(name) or "the job does not begin"
            time.sleep(0.1)

    def end(self, name: str, seconds: float = PATIENCE_S) -> str:
        """Wait for a job's end; return the log as Ray's command prints it."""
        return self._ray_job("logs", "--follow", name, timeout=seconds)

    def stop(self, name: str) -> str:
        """Stop a job; return its log. Raises AssertionError where Ray had to kill it, after its three seconds."""
        said = self._ray_job("stop", name)
        assert f"Job '{name}' was stopped" in said, said
        (notes,) = self.head.tmp.glob(f"ray/session_2*/logs/jobs/supervisor-{name}.log")
        told = notes.read_text(encoding="utf-8")
        assert f"Job {name} has been terminated gracefully with SIGTERM" in told, told
        return self.log(name)

    def status(self, name: str) -> str:
        """A job's state and the exit code of its command, as Ray lists them."""
        listed = self._ray_job("list")
        found = re.search(rf"submission_id='{name}'.*?status=<JobStatus\.(\w+).*?driver_exit_code=(\w+)", listed, re.S)
        assert found is not None, listed
        return f"{found[1]} {found[2]}"

    def _ray_job(self, verb: str, *words: object, timeout: float = PATIENCE_S) -> str:
        run = ("ray", "job", verb, "--address", DASHBOARD, "--log-color", "false", *words)
        return self.user.run(*run, environment=self.environment, timeout=timeout)


def is_plain(log: str) -> bool:
    """Whether a log has whole lines alone: nothing that a terminal would obey."""
    return not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", log.replace("\t", " ")) and log.endswith("\n")
