"""Weights & Biases: the study is a project, an arm a group, and each trial a run whose id is the trial's.

Without a key of W&B's, runs go to a folder, which ``wandb sync`` sends later. A folder that is whole has a file
``raysat.sent``; one without is what a process left that was killed, and is written anew.
"""

from __future__ import annotations

import netrc
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from raysat.errors import TrackerError
from raysat.installation import extra_module
from raysat.tracking.models import EndedTrial, Head, Point, RunFile, Setting
from raysat.tracking.names import cut, folder_name
from raysat.tracking.tracker import faults_of, laid_out

_SENT: Final = "raysat.sent"  # file of a folder, key of a summary
_REPORT: Final = "report"  # no trial's id
_NAME: Final = 120  # characters: W&B takes 128
_HOSTS: Final = ("api.wandb.ai",)  # that W&B's own login writes to ~/.netrc, besides that of its settings
_SETTINGS: Final = {
    "console": "off",
    "disable_code": True,
    "disable_git": True,
    "init_timeout": 30.0,  # seconds for an answer of the server when a run begins
    "silent": True,
    "x_disable_machine_info": True,
    "x_disable_meta": True,
    "x_disable_stats": True,
    "x_save_requirements": False,
}


class WandB:
    """Sends to W&B's server where a key of it is at hand, else to a folder."""

    def __init__(self, folder: Path) -> None:
        self._wandb = extra_module("wandb", extra="track")
        with faults_of("wandb", "settings"):
            settings = self._wandb.setup().settings
            self._mode = os.environ.get("WANDB_MODE") or _mode(settings)
            self._known = self._wandb.Settings.model_fields  # releases differ in them
            self._host = urlsplit(str(settings.base_url)).hostname or str(settings.base_url)
        self._folder = Path(os.environ.get("WANDB_DIR") or folder.parent)  # W&B makes its ``wandb`` in there
        self._live: dict[str, tuple[Any, set[int]]] = {}  # runs of trials that train, and the epochs that were sent

    @property
    def place(self) -> str:
        """Where it goes."""
        return f"W&B at {self._host}" if self._mode == "online" else f"W&B ({self._mode}) in {self._folder / 'wandb'}"

    def live(self, head: Head, point: Point) -> None:
        """Send a point; the run stays open until its trial ends."""
        with faults_of("wandb", self._host):
            if head.id not in self._live:
                self._live[head.id] = self._begin(head, {}), set()
            run, epochs = self._live[head.id]
            if point.epoch not in epochs:
                run.log({"epoch": point.epoch, **point.values})
                epochs.add(point.epoch)

    def send(self, trial: EndedTrial) -> None:
        """Send a trial, or what of it is not there."""
        with faults_of("wandb", self._host):
            if trial.head.id in self._live:
                run, epochs = self._live[trial.head.id]
                run.config.update(_config(trial.head, trial.settings), allow_val_change=True)
            elif self._is_kept(trial.head.id):
                return
            else:
                run, epochs = self._begin(trial.head, trial.settings), set[int]()
                if run.summary.get(_SENT):  # the server has it
                    self._end(run, trial.head.id)
                    return
            known = Point(epoch=0, balanced_accuracy=0.0, icv=0.0).values if epochs else {}
            for epoch in trial.curve:
                values = {
                    key: value for key, value in epoch.values.items() if epoch.step not in epochs or key not in known
                }
                if values:
                    run.log({"epoch": epoch.step, **values})
            run.config.update({f"raysat.{key}": value for key, value in trial.facts.items()}, allow_val_change=True)
            run.summary.update({**trial.final, _SENT: True})
            self._live.pop(trial.head.id, None)
            self._end(run, trial.head.id)

    def give_up(self, head: Head, *, failed: bool) -> None:
        """Close a run as failed."""
        with faults_of("wandb", self._host):
            if (live := self._live.pop(head.id, None)) is not None:
                live[0].finish(exit_code=1 if failed else 255)

    def files(self, study: str, files: Iterable[RunFile]) -> None:
        """Send files as an artifact of a run of their own, ``leaderboard``."""
        with faults_of("wandb", self._host), tempfile.TemporaryDirectory() as folder:
            if laid_out(files, Path(folder)):
                self._drop_kept(_REPORT)
                run = self._init(study, _REPORT, "leaderboard", {"job_type": "report"})
                artifact = self._wandb.Artifact(cut(f"{folder_name(study)}-report", _NAME), type="report")
                artifact.add_dir(folder)
                run.log_artifact(artifact)
                self._end(run, _REPORT)

    def close(self) -> None:
        """Wait for what W&B's own process still sends."""
        with faults_of("wandb", self._host):
            for run, _ in self._live.values():
                run.finish()
            self._live.clear()

    def _begin(self, head: Head, settings: dict[str, Setting] | Any) -> Any:
        self._drop_kept(head.id)
        options = {"config": _config(head, settings), "group": cut(head.arm, _NAME), "job_type": "trial"}
        run = self._init(head.study, head.id, head.name, options)
        run.define_metric("epoch", hidden=True)
        run.define_metric("curve/*", step_metric="epoch")
        return run

    def _init(self, study: str, trial: str, name: str, options: dict[str, Any]) -> Any:
        """Begin a run beside others; nothing of this machine is sent but what raysat says of it."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            hint = "give another folder with {--out} of {raysat track}"
            raise TrackerError(f"{self._folder} cannot be made: {error.strerror}", hint=hint) from error
        resume = {"resume": "allow"} if self._mode == "online" else {}
        return self._wandb.init(
            project=os.environ.get("WANDB_PROJECT") or folder_name(study),
            id=trial if trial != _REPORT else f"{folder_name(study)}-{_REPORT}",
            name=cut(name, _NAME),
            dir=str(self._folder),
            mode=self._mode,
            reinit="create_new",
            settings=self._wandb.Settings(**{k: v for k, v in _SETTINGS.items() if k in self._known}),
            **resume,
            **options,
        )

    def _end(self, run: Any, trial: str) -> None:
        """Finish a run; of a folder say that it is whole."""
        folder = Path(run.dir).parent
        run.finish()
        if self._mode != "online" and folder.is_dir():
            (folder / _SENT).write_text(f"{trial}\n", encoding="utf-8")

    def _kept(self, trial: str) -> list[Path]:
        """The folders of a trial's runs that were not sent to a server."""
        return sorted((self._folder / "wandb").glob(f"offline-run-*-{trial}")) if self._mode != "online" else []

    def _is_kept(self, trial: str) -> bool:
        return any((folder / _SENT).is_file() for folder in self._kept(trial))

    def _drop_kept(self, trial: str) -> None:
        """Delete what a process left that was killed, or an earlier report."""
        for folder in self._kept(trial):
            if trial == _REPORT or not (folder / _SENT).is_file():
                shutil.rmtree(folder)


def _config(head: Head, settings: Any) -> dict[str, Setting]:
    return {**settings, "arm": head.arm, "arms": ", ".join(head.arms), "seed": head.seed, "study": head.study}


def _mode(settings: Any) -> str:
    """Online where W&B knows a key, unless its own settings say otherwise."""
    if settings.mode != "online":
        return str(settings.mode)
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE") or settings.api_key:
        return "online"
    file = os.environ.get("NETRC") or next(
        (str(path) for name in (".netrc", "_netrc") if (path := Path.home() / name).is_file()), None
    )
    try:
        known = netrc.netrc(file) if file else None
    except (OSError, netrc.NetrcParseError):
        known = None
    hosts = (*_HOSTS, urlsplit(str(settings.base_url)).hostname or "")
    return "online" if known and any(host in known.hosts for host in hosts) else "offline"
