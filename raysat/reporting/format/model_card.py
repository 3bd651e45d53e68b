"""The model card of an exported model: what it is, what it was trained and measured on, and where it may not hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from raysat import __version__
from raysat.config.plugins.use import sources_of
from raysat.data.download.catalog import DATA_SETS, DataSet
from raysat.data.sensors import SENSORS
from raysat.formatting import NONE, data_size, number, one_line, plural, printable
from raysat.metrics.catalog import FROM_CONFUSION, PRECISION, RECALL, Metric
from raysat.reporting.analysis.benchmarks import benchmark_of
from raysat.reporting.format.cells import whole_cell, words
from raysat.reporting.format.document import Block, Bullets, Code, Document, Section, Text
from raysat.reporting.format.headline import SYNTHETIC
from raysat.reporting.format.probabilities import said_of_probabilities
from raysat.reporting.format.table import Cell, Heading, Table, make_table
from raysat.storage.model_folder import INPUT, MANIFEST, ONNX, OUTPUT, STAC, TORCH, Figure, Measured, ModelManifest

_PAPER: Final = 'Rawal & Pradhan 2020, "Generalizing across the (in)visible spectrum"'
_FEW: Final = 30  # patches of a class: below, its recall is hardly known
_WHAT: Final = {
    TORCH: "program for torch.export.load, normalisation inside",
    ONNX: "program for ONNX Runtime and others, normalisation inside",
    STAC: "STAC item (MLM extension), for catalogues",
}


def model_card(about: ModelManifest) -> Document:
    """The card, as a page."""
    origin, measured = about.origin, about.measured
    sections = [
        Section("use", "Use", list(_use(about))),
        Section("input", "Input", [_bands_table(about), Bullets(list(_input_notes(about)))]),
        Section("classes", "Classes", [_classes_table(about)]),
        Section("figures", "Figures", list(_figures(about, measured)) if measured else []),
        Section("limits", "Limits", [Bullets(list(_limits(about)))]),
        Section("training", "Training", [Bullets(list(_training(about)))]),
        Section("licence", "Licence", [Text(_licence(about))]),
        Section("cite", "How to cite", [Bullets(list(_cite(about)))]),
        Section("files", "Files", [_files_table(about)]),
    ]
    made = " (synthetic data)" if origin.synthetic else ""
    return Document(
        title=one_line(f"{origin.study}: {origin.arm}{made}"),
        subtitle=_subtitle(about),
        sections=sections,
        footer=f"Written by raysat {__version__}. {MANIFEST} has the same, and every setting, for programs.",
    )


def _subtitle(about: ModelManifest) -> str:
    inputs, n = about.inputs, len(about.members)
    seeds = "one seed" if n == 1 else f"{n} seeds, whose probabilities are averaged"
    return one_line(
        f"{about.config.model.name} that tells {len(about.classes)} classes apart in "
        f"patches of {inputs.height} x {inputs.width} pixels with {plural(len(inputs.bands), 'band')}; {seeds}."
    )


def _use(about: ModelManifest) -> Iterator[Block]:
    yield Text(
        f"Patches go in as they are in the data, ({len(about.inputs.bands)}, {about.inputs.height}, "
        f"{about.inputs.width}) each, and probabilities of the {len(about.classes)} classes come out."
    )
    plugins = sources_of([about.config])
    loaded = "".join(
        f'raysat.load_plugin("{each.name}")  # runs it; its content is {each.digest}\n' for each in plugins
    )
    if plugins:
        files = " and ".join(f"{each.name} ({each.digest})" for each in plugins)
        yield Text(
            f"raysat needs the code of {files} too, which is not in this folder: whoever trained it has it, and the "
            "run has a copy under plugins/. It is executed, so read it first."
        )
    hashes = "checks every hash" + ("" if plugins else ", executes nothing")
    yield Code(
        f"import raysat\n\n{loaded}"
        f'model = raysat.load_model(".")  # this folder; {hashes}\n'
        f"probabilities = model.predict({INPUT})  # (N, {len(about.classes)})",
        "python",
    )
    if about.has(ONNX):
        yield Text("Without raysat and PyTorch:")
        yield Code(
            "import onnxruntime\n\n"
            f'session = onnxruntime.InferenceSession("{ONNX}")\n'
            f'({OUTPUT},) = session.run(None, {{"{INPUT}": {INPUT}.astype("float32")}})',
            "python",
        )
    if about.has(TORCH):
        yield Text("With PyTorch alone:")
        yield Code(
            f'import torch\n\nprogram = torch.export.load("{TORCH}").module()\n{OUTPUT} = program({INPUT}.float())',
            "python",
        )


def _bands_table(about: ModelManifest) -> Table:
    inputs = about.inputs
    known = {band.name: band for band in SENSORS[inputs.sensor].bands} if inputs.sensor in SENSORS else {}
    found = [known.get(name) for name in inputs.bands]

    def numbers(key: str) -> list[Cell]:
        values = [getattr(stats, key) for stats in inputs.stats]
        return [Cell(text=f"{value:,.6g}", value=value) for value in values]

    return make_table(
        "bands",
        f"Bands in order; sensor: {_sensor(about) or 'not named'}. "
        "The mean and sd of its training pixels normalise each band.",
        [
            (Heading(text="band", words=True), [words(name) for name in inputs.bands]),
            (Heading(text="role", words=True), [words(band.role if band else NONE) for band in found]),
            (
                Heading(text="wavelength (µm)"),
                [Cell(text=NONE if band is None else f"{band.wavelength_um:.3f}") for band in found],
            ),
            (Heading(text="mean"), numbers("mean")),
            (Heading(text="sd"), numbers("std")),
        ],
    )


def _sensor(about: ModelManifest) -> str:
    name = about.inputs.sensor
    return SENSORS[name].title if name in SENSORS else one_line(name or "")


def _input_notes(about: ModelManifest) -> Iterator[str]:
    inputs = about.inputs
    yield f"Type and units of the data: {inputs.dtype}, as they were stored; the programs take them as float32."
    if inputs.pixel_size is not None:
        yield f"Pixels of {inputs.pixel_size:g} m."
    yield "Normalisation is inside all programs: do not normalise before."


def _classes_table(about: ModelManifest) -> Table:
    measured, train = about.measured, about.origin.train
    classes = range(len(about.classes))
    support = measured.support if measured else None
    split = measured.split if measured else "test"
    recall = [_figure_cell(_of_class(measured, RECALL, about.classes[k])) for k in classes]
    precision = [_figure_cell(_of_class(measured, PRECISION, about.classes[k])) for k in classes]
    unknown = "" if train else " How many it was trained on is not on record."
    return make_table(
        "classes",
        f"Classes in the order of the probabilities, patches of each, and what the model reaches.{unknown}",
        [
            (Heading(text="label"), [whole_cell(k) for k in classes]),
            (Heading(text="class", words=True), [words(name) for name in about.classes]),
            (Heading(text="train"), [whole_cell(train[k] if train else None) for k in classes]),
            (Heading(text=one_line(split)), [whole_cell(support[k] if support else None) for k in classes]),
            (Heading(text="recall"), recall),
            (Heading(text="precision"), precision),
        ],
    )


def _of_class(measured: Measured | None, metric: Metric, name: str) -> Figure | None:
    return None if measured is None else measured.model.get(f"{metric.name}_{one_line(name)}")


def _figure_cell(figure: Figure | None, digits: int = 3) -> Cell:
    if figure is None:
        return Cell(text=NONE)
    below = "" if figure.low is None else f"[{number(figure.low, digits)}, {number(figure.high, digits)}]"
    return Cell(text=number(figure.value, digits), value=figure.value, below=below)


def _figures(about: ModelManifest, measured: Measured) -> Iterator[Block]:
    def cells(figures: Mapping[str, Figure]) -> list[Cell]:
        return [_figure_cell(figures.get(metric.name), metric.digits) for metric in FROM_CONFUSION]

    n = len(about.members)
    model = "this model" if n == 1 else f"this model ({n} seeds averaged)"
    yield make_table(
        "figures",
        f"On the {one_line(measured.split)} split, {measured.patches:,} patches, with 95 % intervals.",
        [
            (Heading(text="metric", words=True), [words(metric.label) for metric in FROM_CONFUSION]),
            (Heading(text=model), cells(measured.model)),
            (Heading(text=f"a single seed (mean of {measured.n_seeds})"), cells(measured.seeds)),
        ],
    )
    notes = [
        "Intervals of this model are over the patches; those of single seeds over seeds and patches.",
        "ICV is the sum over classes of (accuracy − recall)²: low where no class is left behind.",
    ]
    if measured.n_seeds == 1:
        notes.append("One seed was trained: how far another would be from it is not known.")
    if measured.rank is not None:
        notes.append(f"Rank {measured.rank} of {plural(measured.arms, 'arm')} of the study, by balanced accuracy.")
    yield Bullets(notes)


def _limits(about: ModelManifest) -> Iterator[str]:
    inputs, origin, measured = about.inputs, about.origin, about.measured
    if origin.synthetic:
        yield SYNTHETIC
    yield (
        f"It knows patches of {inputs.height} x {inputs.width} pixels of {_sensor(about) or 'one sensor'} in "
        f"{inputs.dtype} as {one_line(origin.data)} has them: other sensors, units, processing levels, pixel sizes or "
        "regions were not tried."
    )
    yield "It answers with one of its classes whatever a patch shows: cloud and nodata are none of them."
    yield from said_of_probabilities(about.config)
    if origin.generated:
        yield "Patches that a generator made were among those that it was trained on."
    few = [about.classes[k] for k, n in enumerate(measured.support if measured else ()) if n < _FEW]
    if few:
        yield f"Fewer than {_FEW} patches measure {one_line(', '.join(few))}: what it reaches there is hardly known."


def _training(about: ModelManifest) -> Iterator[str]:
    origin = about.origin
    kind = f" ({one_line(origin.kind)})" if origin.kind else ""
    yield f"Data: {one_line(origin.data)}{kind}, fingerprint {one_line(origin.fingerprint or 'not recorded')}"
    yield f"Study: {one_line(origin.study)}; arm: {one_line(origin.arm)}"
    if origin.settings:
        yield f"Settings: {printable(', '.join(origin.settings))}"
    parameters = f"{about.parameters:,} parameters{_trained(about)}"
    yield f"Network: {one_line(about.config.model.name)}, {parameters}, {_start(about)}"
    trials = ", ".join(f"{member.seed} ({member.trial})" for member in about.members)
    yield f"Seeds, and their trials: {trials}"
    yield f"Trained until {datetime.fromtimestamp(int(origin.ended), UTC):%Y-%m-%d}"
    yield f"Versions: {one_line(', '.join(f'{name} {version}' for name, version in sorted(about.versions.items())))}"


def _trained(about: ModelManifest) -> str:
    """Which of the parameters were trained, where not all were."""
    trains = about.config.model.trains
    if trains == "all":
        return ""
    return " of which the classifier's were trained" if trains == "head" else " of which the last layers' were trained"


def _start(about: ModelManifest) -> str:
    """What the network was started from."""
    if (used := about.pretrained) is not None:
        of_data = f", trained on {used.dataset}" if used.dataset else ""
        return one_line(
            f"from weights of satellite images, {used.name or used.file} (SHA-256 {used.sha256}){of_data}, "
            "on terms of their own"
        )
    return "from ImageNet weights" if about.config.model.pretrained else "from random weights"


def _licence(about: ModelManifest) -> str:
    data = _data_set(about)
    others = "" if data is None else f" The data, {data.name}: {data.licence}."
    if about.pretrained is not None:
        others += f" The weights that training began from, {one_line(', '.join(about.pretrained.said))}."
    if about.license:
        return f"{one_line(about.license)}.{others}"
    bounds = "the licence of the data allows"
    if about.pretrained is not None:
        bounds = "the licences of the data and of the weights that training began from allow"
    return (
        f"Not stated: whoever hands the model on says it, within what {bounds}. "
        f"raysat itself is under Apache-2.0.{others}"
    )


def _cite(about: ModelManifest) -> Iterator[str]:
    if about.origin.reference is not None:
        yield f"{_PAPER}: the study, {one_line(about.origin.study)}, reproduces it."
    if (data := _data_set(about)) is not None:
        yield f"{data.citation.rstrip('.')}: the data, {data.name}, by their importer or classes."
    if about.pretrained is not None and about.pretrained.publication:
        yield one_line(f"{about.pretrained.publication}: the weights that training began from.")
    yield f"raysat {one_line(about.raysat)}."
    yield f"{about.config.model.cited}: the network, {one_line(about.config.model.name)}."


def _data_set(about: ModelManifest) -> DataSet | None:
    """The public data set that it was trained on, where it is one that raysat knows."""
    if about.origin.synthetic:
        return None
    known = benchmark_of(about.classes, about.inputs.sensor, about.origin.kind)
    return None if known is None else DATA_SETS.get(known.name)


def _files_table(about: ModelManifest) -> Table:
    seeds = {member.weights: member.seed for member in about.members}
    what = [f"weights of seed {seeds[file.name]}" if file.name in seeds else _WHAT[file.name] for file in about.files]
    return make_table(
        "files",
        "Files; SHA256SUMS has their checksums, for sha256sum -c.",
        [
            (Heading(text="file", words=True), [words(file.name) for file in about.files]),
            (Heading(text="what it is", words=True), [words(text) for text in what]),
            (Heading(text="size"), [Cell(text=data_size(file.bytes), value=file.bytes) for file in about.files]),
        ],
    )
