"""MLflow: the study is an experiment and each trial a run, which is found again by its tag ``raysat.trial``.

The tag ``raysat.state`` is put last: what has it is whole. Of a run that is there without, what it has is kept, and
only what it lacks is sent.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeVar

from raysat.errors import TrackerError
from raysat.installation import extra_module
from raysat.tracking.models import EndedTrial, Head, Point, RunFile
from raysat.tracking.names import cut, without_secrets
from raysat.tracking.tracker import faults_of, laid_out

_T = TypeVar("_T")
_METRICS: Final = 500  # in a request, of which a server takes 1,000, and a million bytes
_PARAMS: Final = 50  # in a request, of which a server takes 100
_PARAM: Final = 500  # characters of a value: what older servers take
_TAG: Final = 4000
_NAME: Final = 240  # characters of a run's or experiment's name: a database takes 250
_STATE: Final = "raysat.state"
_REPORT: Final = "report"  # no trial's id
_SERVER: Final = "MLFLOW_TRACKING_URI"


class MLflow:
    """Sends to the server of ``MLFLOW_TRACKING_URI``, else to a database in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._server = folder, os.environ.get(_SERVER)
        module = extra_module("mlflow", extra="track")
        self._entities = extra_module("mlflow.entities", extra="track")
        self._connect = module.MlflowClient
        self._experiments: dict[str, str] = {}  # by study
        self._wholes: dict[str, set[str]] = {}  # trials that are there whole, by study
        self._runs: dict[str, str] = {}  # that points were sent to, by trial
        self._sent: dict[str, set[int]] = {}  # epochs of them

    @property
    def place(self) -> str:
        """Where it goes."""
        return f"MLflow at {without_secrets(self._server)}" if self._server else f"MLflow's database in {self._folder}"

    def live(self, head: Head, point: Point) -> None:
        """Send a point."""
        with faults_of("mlflow", self._where):
            run = self._runs.get(head.id)
            if run is None:
                found = self._run(head, time.time())
                run = self._runs[head.id] = found.info.run_id
                if found.info.status != "RUNNING":  # it was given up, and goes on now
                    self._client.update_run(run, status="RUNNING")
                self._sent[head.id] = self._steps(run, next(iter(point.values))) if found.data.metrics else set()
            if point.epoch not in self._sent[head.id]:
                self._log(run, point.values, time.time(), point.epoch)
                self._sent[head.id].add(point.epoch)

    def send(self, trial: EndedTrial) -> None:
        """Send a trial, or what of it is not there."""
        with faults_of("mlflow", self._where):
            if trial.head.id in self._whole(trial.head.study):
                return
            found = self._run(trial.head, trial.started)
            run, known = found.info.run_id, found.data
            there = {key: self._steps(run, key) for key in known.metrics}
            params = [
                self._entities.Param(key, cut("none" if value is None else str(value), _PARAM))
                for key, value in trial.settings.items()
                if key not in known.params
            ]
            for few in _batches(params, _PARAMS):
                self._client.log_batch(run, params=few)
            for many in _batches(list(self._metrics(trial, there)), _METRICS):
                self._client.log_batch(run, metrics=many)
            tags = [self._entities.RunTag(f"raysat.{key}", cut(value, _TAG)) for key, value in trial.facts.items()]
            for few in _batches(tags, _PARAMS):
                self._client.log_batch(run, tags=few)
            self._client.set_terminated(run, "FINISHED", _milliseconds(trial.ended))
            self._client.set_tag(run, _STATE, "finished")
            self._whole(trial.head.study).add(trial.head.id)
            self._runs.pop(trial.head.id, None)

    def give_up(self, head: Head, *, failed: bool) -> None:
        """Close a run as failed, or as killed."""
        with faults_of("mlflow", self._where):
            if (run := self._runs.pop(head.id, None)) is not None:
                self._client.set_terminated(run, "FAILED" if failed else "KILLED")

    def files(self, study: str, files: Iterable[RunFile]) -> None:
        """Send files as artifacts of a run of their own, ``leaderboard``."""
        with faults_of("mlflow", self._where), tempfile.TemporaryDirectory() as folder:
            if laid_out(files, Path(folder)):
                run = self._find(study, _REPORT) or self._create(study, _REPORT, "leaderboard", {}, time.time())
                self._client.log_artifacts(run.info.run_id, folder)
                self._client.set_terminated(run.info.run_id, "FINISHED")

    def close(self) -> None:
        """Nothing is held back."""

    @property
    def _where(self) -> str:
        return without_secrets(self._server or str(self._folder))

    @cached_property
    def _client(self) -> Any:
        """Made when something is sent: it makes its database."""
        if self._server:
            return self._connect(tracking_uri=self._server)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            hint = "give another folder with {--out} of {raysat track}, or a server with MLFLOW_TRACKING_URI"
            raise TrackerError(f"{self._folder} cannot be made: {error.strerror}", hint=hint) from error
        return self._connect(tracking_uri=f"sqlite:///{self._folder / 'mlflow.db'}")

    def _experiment(self, study: str) -> str:
        """The id of a study's experiment, which is made where there is none."""
        if study not in self._experiments:
            name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or cut(study, _NAME)
            found = self._client.get_experiment_by_name(name)
            if found is None:
                own = {} if self._server else {"artifact_location": (self._folder / "artifacts").as_uri()}
                with suppress(Exception):  # another process makes it just now; else what follows says why
                    self._client.create_experiment(name, **own)
                found = self._client.get_experiment_by_name(name)
            if found is None or found.lifecycle_stage != "active":
                raise TrackerError(
                    f"MLflow, {self._where}: the experiment {name!r} was deleted, or cannot be made",
                    hint="restore it, or delete it for good (mlflow gc), or set MLFLOW_EXPERIMENT_NAME to another name",
                )
            self._experiments[study] = found.experiment_id
        return self._experiments[study]

    def _run(self, head: Head, started: float) -> Any:
        """The run of a trial, which is made where there is none."""
        found = self._find(head.study, head.id)
        if found is not None:
            return found
        tags = {"raysat.arm": head.arm, "raysat.arms": ", ".join(head.arms), "raysat.seed": str(head.seed)}
        return self._create(head.study, head.id, head.name, tags, started)

    def _whole(self, study: str) -> set[str]:
        """The trials of a study that are there whole: asked for once, and not trial by trial."""
        if study not in self._wholes:
            where = f"tags.`raysat.study` = '{_quoted(study)}' and tags.`{_STATE}` = 'finished'"
            found, token, is_more = set[str](), None, True
            while is_more:
                page = self._client.search_runs([self._experiment(study)], filter_string=where, page_token=token)
                found |= {run.data.tags["raysat.trial"] for run in page}
                token, is_more = page.token, bool(page.token)
            self._wholes[study] = found
        return self._wholes[study]

    def _find(self, study: str, trial: str) -> Any | None:
        where = f"tags.`raysat.trial` = '{trial}' and tags.`raysat.study` = '{_quoted(study)}'"  # an id has no quotes
        found = self._client.search_runs([self._experiment(study)], filter_string=where, max_results=1)
        return found[0] if found else None

    def _create(self, study: str, trial: str, name: str, tags: Mapping[str, str], started: float) -> Any:
        tags = {key: cut(value, _TAG) for key, value in tags.items()}
        own = {"raysat.trial": trial, "raysat.study": _quoted(study)}
        return self._client.create_run(
            self._experiment(study), _milliseconds(started), tags={**tags, **own}, run_name=cut(name, _NAME)
        )

    def _steps(self, run: str, key: str) -> set[int]:
        """The epochs that a run has a metric of."""
        return {metric.step for metric in self._client.get_metric_history(run, key)}

    def _metrics(self, trial: EndedTrial, there: Mapping[str, set[int]]) -> Iterator[Any]:
        """Yield what a run lacks of a trial's curve and final metrics."""
        last = trial.curve[-1].step if trial.curve else 0
        final = [(key, value, trial.ended, last) for key, value in trial.final.items()]
        curve = [(key, value, epoch.time, epoch.step) for epoch in trial.curve for key, value in epoch.values.items()]
        for key, value, moment, step in (*curve, *final):
            if step not in there.get(key, ()):
                yield self._entities.Metric(key, value, _milliseconds(moment), step)

    def _log(self, run: str, values: Mapping[str, float], moment: float, step: int) -> None:
        metrics = [self._entities.Metric(key, value, _milliseconds(moment), step) for key, value in values.items()]
        self._client.log_batch(run, metrics=metrics)


def _batches(items: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    yield from (items[start : start + size] for start in range(0, len(items), size))


def _quoted(study: str) -> str:
    """A study's name as a search for it can say it."""
    return cut(study, _NAME).replace("'", "’").replace("\\", "/")


def _milliseconds(moment: float) -> int:
    return round(1000 * moment)
