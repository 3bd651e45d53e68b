"""Models handed on: an arm of a run as a folder that works without raysat."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console
from typing_extensions import override

from raysat import __version__
from raysat.api.reports import AnyRun, run_folder
from raysat.api.stores import Store, as_store
from raysat.config.arguments import Seed, checked
from raysat.config.schema import Config, Model
from raysat.errors import DataError, UsageError
from raysat.files import real_target
from raysat.formatting import data_size, echo, plural
from raysat.storage.ledger import Ledger
from raysat.storage.model_folder import CARD, Member, ModelManifest, Origin
from raysat.storage.plan_file import PlanFile
from raysat.storage.records import Record
from raysat.views.shown import Shown

if TYPE_CHECKING:
    from raysat.data.store import PatchStore
    from raysat.inference.load import TrainedArm

_LICENSE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 .+()-]{0,99}")  # SPDX identifiers, and expressions of several


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Exported(Shown):
    """An exported model: its folder, and what was seen of its programs."""

    path: Path
    manifest: ModelManifest
    differences: Mapping[str, float]  # by format: the largest of a probability, between program and networks

    def __repr__(self) -> str:
        return f"<Exported {self.manifest.origin.arm!r} in {str(self.path)!r}>"

    @property
    def files(self) -> tuple[Path, ...]:
        """Weights, programs and item, and the card."""
        return tuple(self.path / name for name in (*(file.name for file in self.manifest.files), CARD))

    @override
    def show(self, console: Console) -> None:
        seeds = ", ".join(str(member.seed) for member in self.manifest.members)
        console.print(f"arm        {self.manifest.origin.arm}, {plural(len(self.manifest.members), 'seed')}: {seeds}")
        for file in self.manifest.files:
            console.print(f"wrote      {file.name}, {data_size(file.bytes)}")
        for name, difference in self.differences.items():
            console.print(f"checked    {name}: probabilities differ by {difference:.1e} at most")
        console.print(f"card       {self.path / CARD}")


@checked
def export(
    run: AnyRun,
    *,
    out: Path | str,
    arm: str | None = None,
    best: bool = False,
    seeds: Sequence[Seed] | None = None,
    formats: Sequence[str] = ("safetensors",),
    data: Store | Path | str | None = None,
    license: str | None = None,  # noqa: A002  (the field of STAC and of model hubs)
    overwrite: bool = False,
) -> Exported:
    """Write an arm's trained models as a folder to hand on: weights, programs, a model card, hashes.

    Weights as safetensors, the card and the manifest are written whatever the formats; programs have the normalisation
    inside, take patches (B, C, H, W) in the units of the data as float32, and average the probabilities of all seeds.

    Args:
        run: a run or its folder.
        out: the folder to write.
        arm: its name; not needed where the run has one arm.
        best: take the arm that the leaderboard has first.
        seeds: those to take; by default all that are finished.
        formats: ``safetensors``, ``torch`` (a program of torch.export), ``onnx``, ``mlm`` (a STAC item).
        data: the store that it was trained on; needed where an older raysat wrote the records, and counted where given.
        license: of the weights, such as ``CC-BY-4.0``; for the card and the item.
        overwrite: replace an exported model that is there.

    Returns:
        What was written, and how well the programs agree with the networks.

    Raises:
        UsageError: an arm, a seed or a format that there is not, or a license that is none of SPDX's form.
        StorageError: damaged records, or something is at ``out``, which stays as it is.
        ExportError: a format cannot hold this network.
        InstallationError: a package that a format needs is missing.
    """
    from raysat.inference.export.write import check_formats, check_target, write_models

    if license is not None and not _LICENSE.fullmatch(license):
        raise UsageError(f"license {echo(license)} is no SPDX identifier", hint="give one, such as CC-BY-4.0 or MIT")
    target = real_target(Path(out))
    check_formats(formats)
    check_target(target, overwrite=overwrite)
    ledger = Ledger.open(run_folder(run))
    plan = ledger.read_plan()
    name = _arm_name(ledger, plan, arm, best=best)

    import torch

    from raysat.inference.load import load_arm
    from raysat.reporting.format.model_card import model_card
    from raysat.reporting.render.markdown import to_markdown

    store = None if data is None else as_store(data)[0]
    trained = load_arm(ledger, name, device=torch.device("cpu"), seeds=seeds, store=store)
    about = _describe(ledger, plan, trained, store, license)
    written = write_models(
        trained,
        about,
        target,
        formats=formats,
        card=lambda whole: to_markdown(model_card(whole)),
        overwrite=overwrite,
    )
    return Exported(path=target, manifest=written.manifest, differences=written.differences)


def _arm_name(ledger: Ledger, plan: PlanFile, arm: str | None, *, best: bool) -> str:
    from raysat.reporting.analysis.exported import best_arm

    if arm is not None and best:
        raise UsageError("both {--arm} and {--best} say which arm", hint="give one of them")
    if arm is not None:
        return arm
    if best or len(plan.arms) == 1:
        return best_arm(ledger)
    raise UsageError(f"{ledger.root} has {len(plan.arms)} arms", hint="name one with {--arm}, or take {--best}")


def _describe(
    ledger: Ledger, plan: PlanFile, trained: TrainedArm, store: PatchStore | None, license_: str | None
) -> ModelManifest:
    """All of the manifest but its files."""
    from raysat.inference.export.weights import weights_name
    from raysat.reporting.analysis.exported import measure

    records = [ledger.read(trial) for trial in trained.trials]
    entry = next(entry for entry in plan.arms if entry.name == trained.name)
    store, settings = store or _store_of(records[0]), (*plan.settings, *entry.settings)
    (arm,) = _told([trained.name], settings)  # a grid's is made of its values
    return ModelManifest(
        raysat=__version__,
        classes=trained.classes,
        inputs=trained.inputs,
        config=_without_folders(trained.models[0].config),
        members=tuple(
            Member(seed=seed, trial=trial, weights=weights_name(seed), readout=model.readout)
            for seed, trial, model in zip(trained.seeds, trained.trials, trained.models, strict=True)
        ),
        parameters=records[0].parameters,
        origin=Origin(
            study=plan.study,
            arm=arm,
            settings=_told(settings, settings),
            reference=plan.reference,
            data=_data_name(plan.data.name),
            kind=None if store is None else str(store.source.get("kind", "")) or None,
            fingerprint=records[0].data.fingerprint,
            synthetic=plan.data.synthetic,
            generated=any(record.data.generated for record in records),
            train=None if store is None else tuple(store.counts("train").tolist()),
            ended=max(record.ended for record in records),
        ),
        pretrained=records[0].weights,
        measured=measure(ledger, trained.name, trained.seeds),
        license=license_,
        versions=records[0].versions,
    )


def _data_name(name: str) -> str:
    """A store as others may know it: of a path its last part, as the rest is about this machine."""
    return name if "://" in name else Path(name).name or name


def _without_folders(config: Config) -> Config:
    """A configuration as others may know it: a file of weights by its name, and by ``weights_hash``."""
    model = config.model
    if not isinstance(model, Model) or model.weights is None:
        return config
    return config.model_copy(update={"model": model.model_copy(update={"weights": Path(model.weights).name})})


def _told(texts: Iterable[str], settings: Sequence[str]) -> tuple[str, ...]:
    """Words of a plan as others may know them: a file of weights by its name, whose path the plan's settings have."""
    paths = [value for key, _, value in (setting.partition("=") for setting in settings) if key == "model.weights"]
    return tuple(reduce(lambda told, path: told.replace(path, Path(path).name), paths, text) for text in texts)


def _store_of(record: Record) -> PatchStore | None:
    """The store that a model was trained on, where it still lies there and is the same; the card tells its counts."""
    from raysat.data.store import PatchStore

    with suppress(DataError, OSError):
        if record.data.path and Path(record.data.path).is_dir():
            store = PatchStore.open(Path(record.data.path))
            return store if store.fingerprint == record.data.fingerprint else None
    return None
