"""ONNX: the program for whatever runs it, with names of classes and bands inside; checked in ONNX Runtime."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch
from torch.export import ExportedProgram

from raysat.errors import ExportError
from raysat.inference.classifier import Probabilities
from raysat.inference.export.program import Patches, Program, cannot, check, largest_difference, rounding
from raysat.installation import extra_module
from raysat.storage.model_folder import INPUT, OUTPUT, ModelManifest

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET: Final = 18
_MOST_BYTES: Final = (1 << 31) - (1 << 24)  # of weights: a protobuf has 2 GB at most


def check_size(parameters: int, networks: int) -> None:
    """Raise ExportError for networks, of so many parameters each, that one ONNX file cannot hold."""
    if 4 * parameters * networks > _MOST_BYTES:
        raise ExportError(
            f"{networks} networks of {parameters:,} parameters are more than the 2 GB that an ONNX file holds",
            hint="export fewer seeds with {--seed}, or leave onnx out of {--format}",
        )


def need_onnx() -> None:
    """Raise InstallationError where what writes and checks ONNX is missing."""
    extra_module("onnx", extra="export")
    extra_module("onnxruntime", extra="export")
    extra_module("onnxscript", extra="export")


def write_onnx(program: Program, traced: ExportedProgram, about: ModelManifest, path: Path) -> float:
    """Write a traced program as ONNX, once ONNX Runtime has been seen to give its probabilities.

    The same program gives the same bytes.

    Args:
        program: the networks.
        traced: the same, traced.
        about: what it is; classes, bands and units go into the file.
        path: where to.

    Returns:
        The largest difference of a probability between ONNX Runtime and the networks.

    Raises:
        ExportError: it cannot be converted, or gives other probabilities.
        OSError: the file cannot be written.
    """
    import onnx  # noqa: PLC0415  (an extra)

    name = about.config.model.name
    try:
        with _quiet():
            converted = torch.onnx.export(
                traced,
                dynamo=True,
                opset_version=OPSET,
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_shapes={INPUT: {0: "batch"}},
                verbose=False,
            )
        if converted is None:
            raise ExportError("it was not converted")
        model: ModelProto = converted.model_proto
        _forget_sources(model)
        _describe(model, about)
        onnx.checker.check_model(model)
        content = model.SerializeToString(deterministic=True)
    except Exception as error:
        raise cannot(name, "ONNX", error) from error
    difference = largest_difference(program, about.inputs, run_onnx(content))
    check(name, "ONNX", difference, rounding(program, about.inputs))
    path.write_bytes(content)
    return difference


def run_onnx(content: bytes) -> Any:
    """Return what runs an ONNX program on the CPU: patches in, probabilities out."""
    import onnxruntime  # noqa: PLC0415  (an extra)

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])

    def run(patches: Patches) -> Probabilities:
        (found,) = session.run([OUTPUT], {INPUT: patches})
        return found  # type: ignore[no-any-return]

    return run


def _describe(model: ModelProto, about: ModelManifest) -> None:
    """Say in the file itself what its input and output are: as JSON where it is more than a text."""
    inputs = about.inputs
    facts = {
        "classes": json.dumps(about.classes),
        "bands": json.dumps(inputs.bands),
        "sensor": inputs.sensor or "",
        "dtype": inputs.dtype,  # of the store, in whose units patches are given as float32
        "study": about.origin.study,
        "arm": about.origin.arm,
        "seeds": json.dumps([member.seed for member in about.members]),
        "raysat": about.raysat,
    }
    if about.pretrained is not None:
        facts["pretrained"] = about.pretrained.model_dump_json(exclude_none=True)
    for key, value in facts.items():
        model.metadata_props.add(key=key, value=value)
    model.doc_string = f"{INPUT}: float32 (batch, band, y, x) in the units of the data; {OUTPUT}: (batch, class)"


def _forget_sources(model: ModelProto) -> None:
    """Take out which line of which file a node comes from: that says nothing of the model, and differs by machine."""
    graph = model.graph
    for part in (graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the exporter tells its developers from users; errors are raised all the same."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
