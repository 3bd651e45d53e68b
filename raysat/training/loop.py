"""Train a trial epoch by epoch, and evaluate the trained model.

Plain PyTorch, no framework: the caller reports, saves or stops between epochs. No epoch is selected: the final numbers
are those of the last one, or of the weight average, as the trial's readout has them. Such a readout may be chosen on
val, nothing on test. On the CPU equal specs give bit-identical results, whether a trial is trained alone, from a
checkpoint, or beside others that share its epochs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch

from raysat.config.families.learning import Average, NoAverage
from raysat.config.families.readouts import Readout
from raysat.config.schema import Trial, average_id
from raysat.data.store import PatchStore
from raysat.errors import TrainingError
from raysat.metrics.confusion import from_predictions
from raysat.training import optimizers
from raysat.training.check import check, check_generated
from raysat.training.checkpoint import TrainingState
from raysat.training.device import default_device
from raysat.training.engine import Engine, OnPace
from raysat.training.models.build import cpu_state
from raysat.training.patches import SharedPixels
from raysat.training.readout.ending import Ending
from raysat.training.results import EpochReport, TrialResult
from raysat.training.stopwatch import Part, Stopwatch


class Training:
    """A trial's training, epoch by epoch; other trials that share its epochs may end on the way.

    Where ``torch.distributed`` is initialised, its processes share each batch, and all of them must do the same.
    """

    def __init__(
        self,
        trial: Trial,
        store: PatchStore,
        *,
        generated: Sequence[PatchStore] = (),
        averages: Sequence[tuple[Average, int]] = (),
        device: torch.device | None = None,
        shared: SharedPixels | None = None,
        eager: bool = False,
        stopwatch: Stopwatch[Part] | None = None,
        on_pace: OnPace | None = None,
    ) -> None:
        """Build the network at its start.

        Args:
            trial: what to train.
            store: the patches.
            generated: stores of patches made by a model, which join the train split alone.
            averages: weight averages to keep up for other trials, each with the epochs of its trial.
            device: where; by default the current CUDA device, else the CPU.
            shared: asks for patches that lie on a CUDA device already (``open_patches``).
            eager: launch every operation of a step from Python, on CUDA too: slower, and easier to debug.
            stopwatch: is told what training and evaluation take.
            on_pace: is told the images a second of the first few seconds of steps, on the CPU, once.

        Raises:
            BandError, PlanError, TrainingError: see ``train``.
        """
        check(trial.config, store)
        check_generated(trial.config, store, generated)
        self._engine = Engine(
            trial,
            store,
            device or default_device(),
            generated=generated,
            averages=averages,
            shared=shared,
            eager=eager,
            on_pace=on_pace,
        )
        self._store, self._timing = store, (stopwatch or Stopwatch[Part]()).timing
        self.validation_split = self._engine.evaluation_splits[0]
        self._endings: dict[str, Ending] = {}  # of the network as it is now, by the average that is read
        self.history: list[EpochReport] = []

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return self._engine.epochs_done

    @property
    def samples_taken(self) -> int:
        """Images that steps of this process have taken, views and second passes included; also within an epoch."""
        return self._engine.samples_taken

    @property
    def averages(self) -> set[str]:
        """Names of the averages that are kept up (``average_id``)."""
        return set(self._engine.averages)

    def drop_average(self, average: str) -> None:
        """Keep an average up no longer."""
        del self._engine.averages[average]
        self._engine.state_changed()

    def advance(self) -> EpochReport:
        """Train the next epoch. Raises DivergedError."""
        engine, epoch, started = self._engine, self.epoch, time.perf_counter()
        self._endings = {}
        with self._timing(Part.STEPS):
            loss = engine.train_epoch(epoch)
        split = self.validation_split
        with self._timing(Part.VALIDATION):
            predicted = engine.predictor.read(self._ending(NoAverage()).logits(split), None)
        report = EpochReport(
            epoch=epoch + 1,
            epochs=engine.config.epochs,
            loss=loss,
            lr=self._last_rate(),
            metrics=from_predictions(engine.patches[split].labels, predicted),
            seconds=time.perf_counter() - started,
            samples_seen=engine.samples_seen,
        )
        self.history.append(report)
        return report

    def result(self, average: Average | None = None, readout: Readout | None = None) -> TrialResult:
        """Evaluate a trial that ends here; those that end here with one average share its forward passes.

        Args:
            average: of its weights; by default this trial's.
            readout: of its scores; by default this trial's.

        Raises:
            DivergedError: scores that are not finite.
            PlanError: the network lacks what the readout needs.
        """
        engine = self._engine
        with self._timing(Part.BATCH_NORM):
            ending = self._ending(average)
        with self._timing(Part.EVALUATION):
            reading = ending.read(engine.config.readout if readout is None else readout)
        predicted = reading.probabilities
        reported = self._store.reported_split
        return TrialResult(
            metrics={s: from_predictions(engine.patches[s].labels, predicted[s]) for s in engine.evaluation_splits},
            reported_split=reported,
            labels=engine.patches[reported].labels,
            probabilities=predicted[reported],
            indices=self._store.indices(reported),
            state_dict=cpu_state(reading.network),
            samples_seen=engine.samples_seen,
            parameters=engine.parameters,
            history=tuple(self.history),
            readout=reading.fitted,
            weights=engine.weights_used,
        )

    def _ending(self, average: Average | None) -> Ending:
        """The network with which trials of an average end here, made once: its batch norm may have to be estimated."""
        engine = self._engine
        own, epochs = (engine.config.average, engine.config.optim.epochs) if average is None else (average, self.epoch)
        key = average_id(own, epochs)
        if key not in self._endings:
            self._endings[key] = Ending(engine, engine.final_model(average))
        return self._endings[key]

    def state(self) -> TrainingState:
        """Return all that another process needs to resume from here."""
        engine = self._engine
        return TrainingState(
            epoch=engine.epochs_done,
            samples_seen=engine.samples_seen,
            network=engine.network.state_dict(),
            optimizer=optimizers.state(engine.optimizer, self._last_rate()),
            averages={name: average.state() for name, average in engine.averages.items()},
            history=tuple(self.history),
        )

    def _last_rate(self) -> float:
        """The learning rate of the last step, or that of the optimiser before the first."""
        engine = self._engine
        done = engine.epochs_done
        return engine.learning_rate(done * engine.steps - 1) if done else engine.config.optim.lr

    def restore(self, state: TrainingState) -> None:
        """Resume from a state of this trial or of one that shares it; its optimiser's tensors become this one's.

        Raises:
            TrainingError: it lacks an average, or is of another network; train no further with what is half restored.
        """
        engine = self._engine
        try:
            engine.enter(max(0, state.epoch - 1))
            averages = [(average, state.averages[name]) for name, average in engine.averages.items()]
            engine.network.load_state_dict(state.network)
            optimizers.restore(engine.optimizer, state.optimizer)
            for average, kept in averages:
                average.restore(kept)
        except (LookupError, RuntimeError, TypeError, ValueError) as error:
            raise TrainingError(f"the checkpoint does not fit the trial: {str(error).partition(chr(10))[0]}") from None
        engine.state_changed()
        engine.epochs_done, engine.samples_seen = state.epoch, state.samples_seen
        self._endings = {}
        self.history = [replace(report, epochs=engine.config.epochs) for report in state.history]


def train(
    trial: Trial,
    store: PatchStore,
    *,
    generated: Sequence[PatchStore] = (),
    device: torch.device | None = None,
    eager: bool = False,
    on_epoch: Callable[[EpochReport], None] | None = None,
) -> TrialResult:
    """Train a trial on a store, evaluate it, and return the model with its predictions and metrics.

    Args:
        trial: what to train.
        store: the patches.
        generated: stores of patches made by a model, which join the train split alone: what ``synthetic`` asks for.
        device: where; by default the current CUDA device, else the CPU.
        eager: launch every operation of a step from Python, on CUDA too.
        on_epoch: called after each epoch; an error that it raises ends the training.

    Raises:
        BandError, PlanError: the trial cannot run on this store (see ``check``) or with these generated patches (see
            ``check_generated``), or its model not on these patches.
        TrainingError: pretrained weights that cannot be had.
        DivergedError: the loss, or the scores of an epoch's model, became NaN or infinite.
    """
    training = Training(trial, store, generated=generated, device=device, eager=eager)
    while training.epoch < trial.config.epochs:
        report = training.advance()
        if on_epoch is not None:
            on_epoch(report)
    return training.result()
