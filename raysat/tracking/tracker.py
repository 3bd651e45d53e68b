"""What every tracker does, and which there are."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol, assert_never

from requests.exceptions import RequestException

from raysat.errors import InstallationError, RaysatError, TrackerError
from raysat.files import AnyPath, ObjectPath, check_real_folder
from raysat.formatting import one_line
from raysat.tracking.models import NAMES, EndedTrial, Head, Point, RunFile, TrackerKind
from raysat.tracking.names import folder_name, without_secrets

FOLDER: Final = "tracking"  # of a run, for trackers without a server
_MODULES: Final = {"tensorboard": "tensorboardX", "mlflow": "mlflow", "wandb": "wandb"}
_SETUP: Final = {"tensorboard": "its folder", "mlflow": "MLFLOW_TRACKING_URI", "wandb": "WANDB_API_KEY"}
_PACKAGES: Final = {"tensorboard": "tensorboardX", "mlflow": "mlflow-skinny", "wandb": "wandb"}


class Tracker(Protocol):
    """Takes what a run holds, each trial as a run of its own; every method raises TrackerError where that fails.

    What was sent before, by whichever process, is not sent again.
    """

    @property
    def place(self) -> str:
        """Where it goes, in words and without a password."""

    def live(self, head: Head, point: Point) -> None:
        """Take a point of a trial that trains."""

    def send(self, trial: EndedTrial) -> None:
        """Take a trial whole, points included that came before; one that is there stays as it is."""

    def give_up(self, head: Head, *, failed: bool) -> None:
        """Close a trial of which points came and no end: it failed, or nobody trains it any more."""

    def files(self, study: str, files: Iterable[RunFile]) -> None:
        """Take the leaderboard and the report, in place of earlier ones."""

    def close(self) -> None:
        """Write out what is left."""


def open_tracker(kind: TrackerKind, folder: Path) -> Tracker:
    """Open a tracker.

    Args:
        kind: which.
        folder: where it keeps its files, if no server is named in its own environment variables.

    Returns:
        The tracker; most look for their server when they are sent something.

    Raises:
        InstallationError: its package is missing.
        TrackerError: its folder cannot be written.
    """
    match kind:
        case "tensorboard":
            from raysat.tracking.tensorboard import TensorBoard

            return TensorBoard(folder)
        case "mlflow":
            from raysat.tracking.mlflow import MLflow

            return MLflow(folder)
        case "wandb":
            from raysat.tracking.wandb import WandB

            return WandB(folder)
        case _:
            assert_never(kind)


@contextmanager
def faults_of(tracker: TrackerKind, place: str) -> Iterator[None]:
    """Raise what a tracker's own code raises as a TrackerError of one line, which tells no password."""
    try:
        yield
    except RaysatError:
        raise
    except Exception as error:  # whatever it is: the run and the training are not to blame
        cause = without_secrets(one_line(f"{error}") or type(error).__name__)
        lost = any(isinstance(each, RequestException) and each.response is None for each in _chain(error))
        lost |= tracker == "wandb" and cause.endswith("is in use")  # by the try before, which had no answer
        message = f"{NAMES[tracker]} at {place} cannot be reached" if lost else f"{NAMES[tracker]}, {place}: {cause}"
        setup = "" if lost else f"if {_SETUP[tracker]} is wrong, correct it; "
        rest = "{raysat track} sends the rest later; what was sent stays"
        raise TrackerError(message, hint=setup + rest) from error


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what it came of."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def laid_out(files: Iterable[RunFile], folder: Path) -> int:
    """Write a run's files below an empty folder, for a tracker that takes folders; return how many there are."""
    count = 0
    for file in files:
        count += 1
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
    return count


def check_installed(kind: TrackerKind) -> None:
    """Raise InstallationError where a tracker's package is missing, without the seconds that its import takes."""
    if importlib.util.find_spec(_MODULES[kind]) is None:
        package = _PACKAGES[kind]
        raise InstallationError(
            f"{package} is not installed: it comes with raysat[track]",
            hint=f"pip install -c constraints.txt '.[track]', or pip install {package}",
        )


def folder_of(run: AnyPath, kind: TrackerKind, *, given: Path | None = None) -> Path:
    """The folder of a tracker without a server: in the run, or in ``runs/tracking`` for one in an object store.

    Args:
        run: the run.
        kind: of the tracker.
        given: in place of the run's.

    Returns:
        Its absolute path; it need not be there.

    Raises:
        StorageError: a folder of the run is a link: what is written there lies elsewhere.
    """
    if given is not None:
        return (given / kind).absolute()
    if isinstance(run, ObjectPath):
        return (Path("runs") / FOLDER / folder_name(run.name) / kind).absolute()
    for folder in (run / FOLDER, run / FOLDER / kind):
        check_real_folder(folder)
    return (run / FOLDER / kind).absolute()
