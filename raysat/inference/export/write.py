"""Writes an arm's models as a folder for others: whole or not at all, each program compared with the networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from raysat.errors import StorageError, UsageError, suggest
from raysat.files import install_folder, partial_folder, sync_file, writing
from raysat.inference.export.onnx_file import check_size, need_onnx, write_onnx
from raysat.inference.export.program import Program, check, largest_difference, rounding, run_traced, trace, write_torch
from raysat.inference.export.stac_item import need_stac, stac_item
from raysat.inference.export.weights import write_weights
from raysat.inference.load import TrainedArm
from raysat.storage.model_folder import CARD, MANIFEST, ONNX, STAC, SUMS, TORCH, ModelManifest, describe_file
from raysat.storage.sealed import format_sums

FORMATS: Final = ("safetensors", "torch", "onnx", "mlm")

Card = Callable[[ModelManifest], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was written."""

    manifest: ModelManifest
    differences: Mapping[str, float]  # by format: the largest of a probability, between its program and the networks


def check_formats(formats: Sequence[str]) -> None:
    """Raise UsageError for a format that is not known, InstallationError for one that needs a missing package."""
    for name in formats:
        if name not in FORMATS:
            raise UsageError(f"unknown format {name!r}", hint=suggest(name, FORMATS))
    if "onnx" in formats:
        need_onnx()
    if "mlm" in formats:
        need_stac()


def check_target(out: Path, *, overwrite: bool) -> None:
    """Raise StorageError where something is there already; what is no exported model is never replaced.

    Raises DiskError where that cannot be told.
    """
    with writing(out):
        exists, is_model = out.exists() or out.is_symlink(), (out / MANIFEST).is_file()
    if not exists:
        return
    if not overwrite:
        raise StorageError(f"{out} exists", hint="replace it with {--overwrite}, or name another folder")
    if not is_model:
        raise StorageError(f"{out} is no exported model, so it is not replaced", hint="name another folder")


def write_models(
    arm: TrainedArm, about: ModelManifest, out: Path, *, formats: Sequence[str], card: Card, overwrite: bool = False
) -> Written:
    """Write models, their programs and what is known of them.

    Args:
        arm: the models, on the CPU.
        about: all of the manifest but its files.
        out: the folder.
        formats: of ``FORMATS``; weights are written whatever they are.
        card: gives the model card, in Markdown, of the whole manifest.
        overwrite: replace an exported model that is there.

    Returns:
        The manifest as it was written, and how well the programs agree with the networks.

    Raises:
        StorageError: something is there, or the folder cannot be written: nothing is, then.
        ExportError: a format does not hold this model.
        UsageError: an unknown format.
        InstallationError: a package that a format needs is missing.
    """
    check_formats(formats)
    check_target(out, overwrite=overwrite)
    if "onnx" in formats:
        check_size(about.parameters, len(arm.models))
    with writing(out), partial_folder(out) as work:
        for member, model in zip(about.members, arm.models, strict=True):
            write_weights(model, work / member.weights)
        differences = _write_programs(arm, about, work, formats)
        about = _with_files(about, work)
        if "mlm" in formats:
            (work / STAC).write_bytes(stac_item(about))
            about = _with_files(about, work)
        (work / CARD).write_text(card(about), encoding="utf-8")
        (work / MANIFEST).write_text(about.model_dump_json(indent=1), encoding="utf-8")
        names = [*(file.name for file in about.files), CARD, MANIFEST]
        (work / SUMS).write_bytes(format_sums({name: describe_file(name, work / name).sha256 for name in names}))
        for file in work.iterdir():
            sync_file(file)
        check_target(out, overwrite=overwrite)  # another process may have made it meanwhile
        install_folder(work, out)
    return Written(manifest=about, differences=differences)


def _write_programs(arm: TrainedArm, about: ModelManifest, work: Path, formats: Sequence[str]) -> dict[str, float]:
    differences: dict[str, float] = {}
    if not {"torch", "onnx"}.intersection(formats):
        return differences
    program = Program(arm.models)
    traced = trace(program, about.inputs)
    if "torch" in formats:
        differences["torch"] = largest_difference(program, about.inputs, run_traced(traced))
        check(about.config.model.name, "torch", differences["torch"], rounding(program, about.inputs))
        write_torch(traced, work / TORCH)
    if "onnx" in formats:
        differences["onnx"] = write_onnx(program, traced, about, work / ONNX)
    return differences


def _with_files(about: ModelManifest, work: Path) -> ModelManifest:
    """The manifest of what is there now, in order."""
    names = [*(member.weights for member in about.members), TORCH, ONNX, STAC]
    files = tuple(describe_file(name, work / name) for name in names if (work / name).exists())
    return about.model_copy(update={"files": files})
