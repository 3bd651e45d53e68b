"""Shows what a patch store holds, and what an importer did."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from raysat.data.bands import SENSORS
from raysat.data.importers.base import ImportSummary
from raysat.data.store import PatchStore
from raysat.data.summary import BandSummary, StoreSummary, class_counts, summarize

_COUNTED = 10  # classes whose counts still fit a line


def show_store(store: PatchStore, console: Console) -> None:
    """Print what a store is, its patches by class and split, and its bands with their values."""
    summary, sensor = summarize(store), SENSORS.get(store.sensor or "")
    facts = {
        "store": str(store.path),
        "patches": _size(store),
        "sensor": f"{sensor.title} ({sensor.name})" if sensor else store.sensor or "not known",
        "classes": f"{len(store.classes)}, ordinal" if store.ordinal else f"{len(store.classes)}",
        "reported": f"results are those of the {store.reported_split} split",
        "nodata": _nodata(store),
        "source": _source(store.source),
        "fingerprint": store.fingerprint,
    }
    for name, fact in facts.items():
        console.print(Text.assemble((f"{name:<13}", "dim"), fact))
    console.print()
    console.print(_class_table(store))
    console.print()
    console.print(_band_table(summary))
    patches = "all" if summary.sampled == len(store) else f"{summary.sampled} evenly spaced"
    without = ", without nodata pixels" if any(store.nodata or ()) else ""
    console.print(f"mean and sd: train split; min to max: {patches} patches{without}", style="dim")


def show_import(summary: ImportSummary, console: Console) -> None:
    """Print what was read, what was dropped and why, and what the store holds."""
    store, unit = summary.store, summary.unit
    rate = summary.read / max(summary.seconds, 1e-9)
    console.print(
        f"{summary.read:,} {unit} {summary.verb} {summary.origin} in {summary.seconds:.1f} s ({rate:,.0f} {unit}/s)"
    )
    if len(store.classes) <= _COUNTED:
        console.print(f"classes {'/'.join(map(str, summary.read_counts))} ({', '.join(store.classes)})")
    for reason, count in summary.dropped.items():
        console.print(f"{count:,} empty dropped: {reason}")
    for note in summary.notes:
        console.print(note)
    console.print(f"wrote {store.path}: {_size(store)}")
    console.print()
    console.print(_class_table(store, summary.read_counts))


def _class_table(store: PatchStore, read: Sequence[int] = ()) -> Table:
    """Patches per class and split, with each class's share of the split; how many were read, where that is known."""
    counts: dict[str, Any] = dict(class_counts(store).items())
    counts["all"] = np.sum(list(counts.values()), axis=0)
    table = _table("class", *(["read"] if read else []), *(cell for name in counts for cell in (name, "%")))
    for index, name in enumerate(store.classes):
        cells = (cell for count in counts.values() for cell in _with_share(count[index], count.sum()))
        table.add_row(Text(name), *([f"{read[index]:,}"] if read else []), *cells)
    totals = (cell for count in counts.values() for cell in (f"{count.sum():,}", ""))
    table.add_row("all", *([f"{sum(read):,}"] if read else []), *totals, style="dim")
    return table


def _band_table(summary: StoreSummary) -> Table:
    """Bands with role and wavelength where the sensor is known, the spread of their values, and nodata if any."""
    with_nodata = any(summary.store.nodata or ())
    columns = ("band", "role", "nm", "mean", "sd", "min", "2 %", "median", "98 %", "max")
    table = _table(*columns, *(("nodata",) if with_nodata else ()), left=2)
    whole = summary.store.images.dtype.kind == "u"
    for band in summary.bands:
        table.add_row(*_band_row(band, whole=whole), *((f"{band.nodata:,}",) if with_nodata else ()))
    return table


def _band_row(band: BandSummary, *, whole: bool) -> list[str | Text]:
    role, centre = (band.band.role, f"{band.band.wavelength_um * 1000:,.0f}") if band.band else ("", "")
    moments = [_number(value, 1, whole=whole) for value in (band.stats.mean, band.stats.std)]
    return [Text(band.name), role, centre, *moments, *(_number(value, 0, whole=whole) for value in band.ranges)]


def _size(store: PatchStore) -> str:
    count, bands, height, width = store.images.shape
    on_disk = sum(file.stat().st_size for file in store.path.iterdir())
    return f"{count:,} of {bands} bands, {height} x {width} px, {store.images.dtype.name}, {_bytes(on_disk)} on disk"


def _nodata(store: PatchStore) -> str:
    if store.nodata is None:
        return "not recorded"
    pixels, total = sum(store.nodata), store.images.size
    if not pixels:
        return "none"
    _, percent = _with_share(pixels, total)
    return f"{pixels:,} of {total:,} pixels over all bands ({percent} %), stored as their band's mean"


def _source(source: Mapping[str, Any]) -> str:
    facts = {name: sum(fact.values()) if isinstance(fact, dict) else fact for name, fact in source.items()}
    kind = str(facts.pop("kind", "not known"))
    return ", ".join((kind, *(f"{name.replace('_', ' ')} {fact}" for name, fact in facts.items())))


def _table(*columns: str, left: int = 1) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for index, name in enumerate(columns):
        table.add_column(name, justify="left" if index < left else "right", no_wrap=index >= left, overflow="fold")
    return table


def _number(value: float, decimals: int, *, whole: bool) -> str:
    """Digital numbers with so many decimals; values of floating-point bands with four digits; nothing for NaN."""
    if math.isnan(value):
        return ""
    return f"{value:,.{decimals}f}" if whole else f"{value:.4g}"


def _with_share(part: int, total: int) -> tuple[str, str]:
    """A count, and its percentage of a total."""
    return f"{part:,}", f"{100 * part / total:.1f}" if total else ""


def _bytes(size: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            break
        size /= 1000
    return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
