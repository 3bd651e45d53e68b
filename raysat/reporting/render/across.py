"""The files of a comparison over several data sets, all made before any is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from pydantic import TypeAdapter

from raysat import __version__
from raysat.files import AnyPath
from raysat.metrics.catalog import BALANCED_ACCURACY, Metric
from raysat.reporting.analysis.across import Across, Gain
from raysat.reporting.analysis.estimate import Estimate
from raysat.reporting.analysis.random_effects import Pooled
from raysat.reporting.figures.across import draw_across
from raysat.reporting.format.across import across_page, gains_table
from raysat.reporting.render.files import captions, figure_files, write_files
from raysat.reporting.render.formats import check_formats
from raysat.reporting.render.html import to_html
from raysat.reporting.render.latex import to_latex
from raysat.reporting.render.markdown import to_markdown
from raysat.reporting.render.rows import Row, Rows, rows_csv

_VALUES: Final = TypeAdapter(dict[str, Any])
_DRAWN: Final = frozenset({"md", "html"})  # formats that show figures
_ALL: Final = "all"


def write_across(found: Across, folder: AnyPath, formats: Sequence[str]) -> list[AnyPath]:
    """Write the comparison, each format as ``across.<format>``, with its figures; returns the files.

    Args:
        found: what to say.
        folder: where to; it is made where it is missing.
        formats: of ``FORMATS``.

    Raises:
        StorageError: the files cannot be written.
    """
    formats = check_formats(formats)
    figures = draw_across(found) if _DRAWN & set(formats) else ()
    page, files = across_page(found), figure_files(figures)
    for name in formats:
        match name:
            case "md":
                files["across.md"] = to_markdown(page, captions(figures)).encode()
            case "csv":
                files["across.csv"] = rows_csv(across_rows(found)).encode()
            case "parquet":
                from raysat.reporting.render.frames import make_frame, to_parquet

                files["across.parquet"] = to_parquet(make_frame(across_rows(found)))
            case "json":
                files["across.json"] = across_json(found).encode()
            case "tex":
                table = gains_table(found, BALANCED_ACCURACY)
                files["across.tex"] = to_latex(table, found.study, table.caption, ()).encode()
            case "html":
                files["across.html"] = to_html(page, figures).encode()
    return write_files(folder, files)


def across_rows(found: Across) -> Rows:
    """A row per arm, data set (``all`` for the mean over them) and metric: its gain over the baseline."""
    return Rows(
        index=("arm", "data_set", "metric"),
        columns=("value", "low", "high", "p", "p_holm", "n", "mean"),
        rows=list(_rows(found)),
    )


def _rows(found: Across) -> Iterator[Row]:
    for arm, gains in found.gains.items():
        for each in found.data_sets:
            for metric in gains:
                mean = {"mean": each.means[arm][metric].value}
                yield _row(arm, each.name, metric, each.gains[arm][metric]) | mean
        for metric, gain in gains.items():
            low, high = gain.pooled.predicted or (None, None)
            yield _row(arm, _ALL, metric, gain.estimate) | {
                "predicted_low": low,
                "predicted_high": high,
                "tau": gain.pooled.tau,
                "i2": gain.pooled.i2,
                "ahead": gain.ahead,
            }


def _row(arm: str, data_set: str, metric: Metric, of: Estimate) -> dict[str, object]:
    named: dict[str, object] = {"arm": arm, "data_set": data_set, "metric": metric.name}
    return named | {name: getattr(of, name) for name in ("value", "low", "high", "p", "p_holm", "n")}


def across_json(found: Across) -> str:
    """All that is known, for programs."""
    value = {
        "study": found.study,
        "baseline": found.baseline,
        "data_sets": [
            {
                "name": each.name,
                "run": str(each.run),
                "fingerprint": each.board.fingerprint,
                "classes": each.board.classes,
                "patches": each.board.support,
                "means": {arm: _by_name(of) for arm, of in each.means.items()},
                "gains": {arm: _by_name(of) for arm, of in each.gains.items()},
            }
            for each in found.data_sets
        ],
        "gains": {arm: {metric.name: _gain(of) for metric, of in gains.items()} for arm, gains in found.gains.items()},
        "ranks": {metric.name: of for metric, of in found.ranks.items()},
        "left_out": found.left_out,
        "version": __version__,
    }
    return _VALUES.dump_json(value, indent=1).decode() + "\n"


def _by_name(estimates: Any) -> dict[str, Any]:
    return {metric.name: of for metric, of in estimates.items() if metric.class_index is None}


def _gain(gain: Gain) -> dict[str, Any]:
    return {
        "over_data_sets": gain.pooled,
        "p_holm": gain.p_holm,
        "ahead": gain.ahead,
        "clearly_ahead": gain.clearly_ahead,
        "clearly_behind": gain.clearly_behind,
        "without": {name: _short(of) for name, of in gain.without.items()},
    }


def _short(pooled: Pooled) -> dict[str, Any]:
    return {"value": pooled.value, "low": pooled.low, "high": pooled.high, "n": pooled.n}
