"""A run's storage in memory, for workers without Ray."""

from collections.abc import Mapping, Sequence

from raysat.errors import StorageError
from raysat.execution.storage.run_files import RunFiles
from raysat.storage.records import Failure


class MemoryStorage(RunFiles):
    """Holds records, failures and checkpoints; is full, and holds damaged checkpoints, as a test wants."""

    def __init__(self) -> None:
        self.records: dict[str, Mapping[str, bytes]] = {}
        self.generated: dict[str, Mapping[str, bytes]] = {}
        self.failures: dict[str, Failure] = {}
        self.states: dict[str, bytes] = {}
        self.damaged: set[str] = set()  # states
        self.is_full = False

    def unfinished(self, trials: Sequence[str]) -> list[str]:
        return [trial for trial in trials if trial not in self.records]

    def write_record(self, trial: str, files: Mapping[str, bytes]) -> None:
        self._check_room()
        self.records[trial] = files

    def write_failure(self, failure: Failure) -> None:
        if failure.id not in self.records:
            self.failures[failure.id] = failure

    def find_state(self, states: Sequence[str]) -> str | None:
        return next((state for state in states if state in self.states and state not in self.damaged), None)

    def read_state(self, state: str) -> bytes:
        return b"" if state in self.damaged else self.states.get(state, b"")

    def save_state(self, state: str, content: bytes, replaces: str | None) -> None:
        self._check_room()
        self.states[state] = content
        self.states.pop(replaces or "", None)

    def is_generated(self, job: str) -> bool:
        return job in self.generated

    def write_generated(self, job: str, files: Mapping[str, bytes]) -> None:
        self._check_room()
        self.generated[job] = files

    def digest(self, job: str) -> str:
        raise NotImplementedError

    def store_size(self, name: str, job: str | None) -> int | None:
        raise NotImplementedError

    def read_store(self, name: str, start: int, stop: int, job: str | None) -> bytes:
        raise NotImplementedError

    def _check_room(self) -> None:
        if self.is_full:
            raise StorageError("no space left on device", hint="make room")
