"""Runs: train what a study lacks, open what was trained, and read it back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from rich.console import Console
from typing_extensions import override

from raysat.api.reports import Report, report
from raysat.api.tracked import Tracked
from raysat.config.arguments import checked
from raysat.config.schema import Config
from raysat.errors import StorageError, UsageError, suggest
from raysat.execution.run_state import Summary
from raysat.files import AnyPath, as_path
from raysat.reporting.analysis.collect import collect
from raysat.reporting.analysis.model import Leaderboard
from raysat.reporting.analysis.replication import Replication
from raysat.reporting.format.pages import overview
from raysat.reporting.render.rows import Rows, leaderboard_rows, trials_rows
from raysat.reporting.render.run import read_leaderboard
from raysat.reporting.render.terminal import Blocks
from raysat.storage.artifacts import Artifacts
from raysat.storage.copying import Copied, copy_run
from raysat.storage.event_log import LoggedEvent
from raysat.storage.garbage import Garbage, collect_run
from raysat.storage.ledger import Ledger
from raysat.storage.plugins import missing_plugin
from raysat.storage.progress import RunProgress, read_progress
from raysat.storage.trial_events import events_of
from raysat.storage.verify import Verification, verify
from raysat.views.shown import Shown

if TYPE_CHECKING:
    import pandas as pd

_WHOLE: Final = ("epoch", "images")  # columns of a learning curve that count


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Run(Shown):
    """A run: the folder of a study's records, finished or not. What it says is read when it is asked."""

    ledger: Ledger
    outcome: Summary | None = None  # how the training ended that returned it; None where it was opened
    files: tuple[AnyPath, ...] = ()  # that this training wrote beside its records: the leaderboard
    results: tuple[Leaderboard, Replication | None] | None = None  # in these files, so that they are not read again
    tracked: tuple[Tracked, ...] = ()  # what trackers were sent while it trained

    def __repr__(self) -> str:
        return f"<Run {str(self.path)!r}>"

    @property
    def path(self) -> AnyPath:
        """Its folder, on a disk or in an object store."""
        return self.ledger.root

    def leaderboard(self) -> Leaderboard:
        """Its arms, best first, with every metric over their finished seeds. Raises StorageError for a damaged plan."""
        return collect(self.ledger)

    @checked
    def to_frame(self, level: Literal["trial", "arm"] = "trial") -> pd.DataFrame:
        """A row per finished trial, by arm and seed, with every metric; or per arm, best first, with means and sd."""
        from raysat.reporting.render.frames import make_frame

        board = self.leaderboard()
        return make_frame(trials_rows(board) if level == "trial" else leaderboard_rows(board))

    @checked
    def history(self, arm: str | None = None) -> pd.DataFrame:
        """Learning curves: a row per arm, seed and epoch, with the loss, the learning rate and metrics on val.

        Raises UsageError for an arm that the run does not have, StorageError for a damaged record.
        """
        from raysat.reporting.render.frames import make_frame

        rows = [
            {"arm": name, "seed": seed} | {key: int(value) if key in _WHOLE else value for key, value in row.items()}
            for name, seed, trial in self._finished(arm)
            for row in self.ledger.read_history(trial)
        ]
        return make_frame(Rows(index=("arm", "seed", "epoch"), rows=rows))

    @checked
    def predictions(self, arm: str, seed: int) -> pd.DataFrame:
        """What a trial says of each test patch, by its position in the store: label, prediction, probabilities.

        Raises UsageError for a trial that is not finished, StorageError for damaged predictions.
        """
        import pandas as pd

        trial = next((trial for _, of, trial in self._finished(arm) if of == seed), None)
        if trial is None:
            raise UsageError(f"arm {arm!r} has no finished trial of seed {seed}", hint=f"see {self.path}")
        found, classes = self.ledger.read_predictions(trial), self.ledger.read_plan().classes
        names = np.array(classes, dtype=object)
        columns = {"label": names[found.labels], "predicted": names[found.predicted]}
        columns |= {f"p_{name}": found.probabilities[:, k].astype(np.float64) for k, name in enumerate(classes)}
        return pd.DataFrame(columns, index=pd.Index(found.indices, name="patch"))

    @checked
    def config(self, arm: str) -> Config:
        """The configuration of an arm, from its first finished trial. Raises UsageError, StorageError."""
        for _, _, trial in self._finished(arm):
            config = self.ledger.read_spec(trial).config
            if isinstance(config, Config):
                return config
            if (missing := missing_plugin(self.path, config)) is not None:
                raise missing
            raise StorageError(f"arm {arm!r} was trained by another raysat, whose settings this one does not know")
        raise UsageError(f"arm {arm!r} has no finished trial", hint=f"see {self.path}")

    @checked
    def events(self, arm: str | None = None, seed: int | None = None) -> list[LoggedEvent]:
        """What happened, the earliest first: to all of it, or to the trials of an arm or a seed alone.

        Raises UsageError where no trial has this arm and seed, StorageError for a damaged log.
        """
        return events_of(self.ledger, arm, seed)

    def status(self) -> RunProgress:
        """How far it is: done, running, failed and missing trials. Raises StorageError for a damaged plan."""
        return read_progress(self.ledger)

    def verify(self) -> Verification:
        """Check its records: checksums, metrics against predictions, orphans, half-written leftovers.

        Raises StorageError where the plan is damaged.
        """
        return verify(self.ledger)

    @checked
    def gc(self, *, orphans: bool = False, delete: bool = False) -> Garbage:
        """Find what is of no use any more, and delete it, as ``raysat ledger gc`` does.

        Args:
            orphans: records too that the study did not ask for when it ran last.
            delete: delete it; the study makes again what it asks for.

        Returns:
            How much there is of each kind.

        Raises:
            StorageError: the plan is damaged, or another process fills the run.
        """
        return collect_run(self.ledger, orphans=orphans, delete=delete)

    @checked
    def report(
        self,
        *,
        out: AnyPath | str | None = None,
        baseline: str | None = None,
        rank_by: str = "balanced_accuracy",
        combinations: Sequence[str] = (),
    ) -> Report:
        """Report it alone, as ``raysat.report`` does.

        Args:
            out: write the report's files here; by default nothing is written.
            baseline: compare with this arm too; by default the one without any method.
            rank_by: what ranks first.
            combinations: of levels to compare with their parts.

        Returns:
            The report.

        Raises:
            StorageError: its records are damaged, or files cannot be written.
            UsageError: nothing has finished, an unknown arm, metric, factor or level.
        """
        return report([self], out=out, baseline=baseline, rank_by=rank_by, combinations=combinations)

    @checked
    def copy(self, out: AnyPath | str) -> Copied:
        """Copy it to ``out/<its name>``, a folder or a URL, as ``raysat ledger copy`` does.

        Raises StorageError where another study is there, or another process fills that run. What is damaged is left
        out, and named in the result.
        """
        return copy_run(self.ledger, as_path(out))

    def _finished(self, arm: str | None) -> list[tuple[str, int, str]]:
        """Arm, seed and id of finished trials, in the study's order."""
        arms = self.ledger.read_plan().arms
        names = [entry.name for entry in arms]
        if arm is not None and arm not in names:
            raise UsageError(f"{self.path} has no arm {arm!r}", hint=suggest(arm, names))
        trials = [
            (entry.name, trial.seed, trial.id) for entry in arms if arm in (None, entry.name) for trial in entry.trials
        ]
        finished = self.ledger.finished({trial for _, _, trial in trials})
        return [trial for trial in trials if trial[2] in finished]

    @property
    def is_complete(self) -> bool:
        """Whether every trial that the study asks for is finished."""
        trials = self.ledger.read_plan().trial_ids
        return self.ledger.finished(trials).keys() >= set(trials)

    def notes(self) -> list[str]:
        """What to know before trusting its generated patches."""
        artifacts = Artifacts.beside(self.path)
        jobs = self.results[0].generators if self.results else [job.id for job in self.ledger.read_plan().generate]
        records = [artifacts.read(job) for job in jobs if artifacts.is_finished(job)]
        return [f"generate {record.class_name}: {record.note}" for record in records if record.note]

    @override
    def show(self, console: Console) -> None:
        results = self.results or read_leaderboard(Ledger.open(self.path))  # an error where it is no run any more
        console.print(Blocks(overview(*results)))


@checked
def open_run(path: AnyPath | str) -> Run:
    """Open a run that ``ablate`` wrote: ``runs/quickstart`` or ``s3://bucket/runs/x``. Raises StorageError."""
    return Run(ledger=Ledger.open(path))
