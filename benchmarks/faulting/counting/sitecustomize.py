"""Imported by every Python process at its start, by its name: writes a line a begun epoch, wherever that is trained.

    <name of the state that the epoch leads to> <images>
    generate <images>                                           a chunk of steps of a generator

The lines go to the file that ``FAULTS_COUNT`` names, which raysat neither reads nor knows. So what was trained is known
whatever became of the process, of its checkpoints and of its messages.
"""

import os
from importlib.machinery import SourceFileLoader
from typing import Any

_load = SourceFileLoader.exec_module
_job: list[Any] = []  # that this process trains


def _note(name: str, images: int) -> None:
    with open(os.environ["FAULTS_COUNT"], "ab", buffering=0) as file:  # noqa: PTH123  (one write, at the end of it)
        file.write(f"{name} {images}\n".encode())


def _count_epochs(module: Any) -> None:
    advance = module.Training.advance

    def counted(training: Any) -> Any:
        (job,) = _job
        last = job.trials[-1]
        _note(job.states[training.epoch + 1], last.samples_seen // last.epochs)
        return advance(training)

    module.Training.advance = counted


def _remember_job(module: Any) -> None:
    run = module.run_train_job

    def remembered(job: Any, *arguments: Any, **options: Any) -> Any:
        _job[:] = [job]
        return run(job, *arguments, **options)

    module.run_train_job = remembered


def _count_steps(module: Any) -> None:
    train = module.GanEngine.train

    def counted(engine: Any, steps: int, chunk: int) -> Any:
        _note("generate", steps * engine.gan.batch_size)
        return train(engine, steps, chunk)

    module.GanEngine.train = counted


_HOOKS = {
    "raysat.training.loop": _count_epochs,
    "raysat.execution.workers.stage_runner": _remember_job,
    "raysat.generation.dcgan.engine": _count_steps,
}


def _exec_module(self: SourceFileLoader, module: Any) -> None:
    _load(self, module)
    if hook := _HOOKS.get(module.__name__):
        hook(module)


if "FAULTS_COUNT" in os.environ:
    SourceFileLoader.exec_module = _exec_module  # type: ignore[assignment, method-assign]
