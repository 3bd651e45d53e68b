r"""The leaderboard as a LaTeX table, in the form of the paper's Table 2.

It needs ``\usepackage{booktabs}``, ``array`` for long names, and ``longtable`` for more than 40 arms.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from raysat.formatting import NONE, number
from raysat.report.analysis.collect import Arm, one_line
from raysat.report.analysis.columns import MOST_CLASSES, Column, class_columns, columns, leading_columns
from raysat.report.analysis.findings import Findings
from raysat.report.analysis.ranking import LABELS
from raysat.report.format.sentences import bracketed
from raysat.report.format.text import PARETO, TIED, count, printed, rank_note, rank_text

_MOST_ROWS: Final = 40
_WIDE: Final = 36  # characters; longer names wrap
_SPECIAL: Final = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\char34{}",
    "`": r"\textasciigrave{}",
    "−": "$-$",
    "×": r"$\times$",
    "±": r"$\pm$",
    "√": r"$\surd$",
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
    PARETO: r"$\diamond$",
}


def to_latex(findings: Findings) -> str:
    """A floating table, or a long one where a page cannot hold it, for a paper to input."""
    board = findings.board
    classes = class_columns(board, "recall") if len(board.classes) <= MOST_CLASSES else []
    left = [*classes, *leading_columns(findings.rank_by)]
    metrics = {column.metric: column for column in columns(board) if column.position is None}
    published = any(metrics["balanced_accuracy"].published(arm) is not None for arm in board.arms)
    long_names = any(len(arm.label) > _WIDE for arm in board.arms)
    first = r">{\raggedright\arraybackslash}p{0.32\linewidth}" if long_names else "l"
    form = f"@{{}}r{first}" + "r" * (len(left) + 5 + published) + "@{}"
    heads = ["", "Method", *(escape(column.label) for column in left), "$F_1$", "ICV", "Balanced acc."]
    heads += [*(["Published"] if published else []), "Acc.", "$n$"]
    recall = rf" & & \multicolumn{{{len(classes)}}}{{c}}{{Recall}}" + r" \\" if classes else ""
    rule = rf"\cmidrule(lr){{3-{len(classes) + 2}}}" if classes else ""
    head = "\n".join(line for line in (recall, rule, " & ".join(heads) + r" \\") if line)
    body = "\n".join(_row(findings, arm, left, metrics, published=published) for arm in board.arms)
    label = "tab:" + re.sub(r"[^A-Za-z0-9-]+", "-", board.study).strip("-")
    caption = rf"\caption{{{_caption(findings)}}}\label{{{label}}}"
    needs = [r"\usepackage{booktabs}", *([r"\usepackage{array}"] if long_names else [])]
    if len(board.arms) > _MOST_ROWS:
        needs.append(r"\usepackage{longtable}")
        table = (
            rf"{{\small\begin{{longtable}}{{{form}}}"
            + f"\n{caption} \\\\\n\\toprule\n{head}\n\\midrule\n\\endfirsthead\n"
            f"\\toprule\n{head}\n\\midrule\n\\endhead\n"
            f"{body}\n\\bottomrule\n\\end{{longtable}}}}\n"
        )
    else:
        table = (
            f"\\begin{{table}}\n\\centering\\small\n{caption}\n\\begin{{tabular}}{{{form}}}\n\\toprule\n{head}\n"
            f"\\midrule\n{body}\n\\bottomrule\n\\end{{tabular}}\n\\end{{table}}\n"
        )
    return f"% {one_line(board.study)}: written by raysat; needs {' '.join(needs)}\n{table}"


def escape(text: str) -> str:
    """Escape a text for LaTeX; what its usual fonts lack is named by its code point."""
    return "".join(_SPECIAL.get(char) or _known(char) for char in " ".join(text.split()))


def _known(char: str) -> str:
    if char.isprintable() and (char.isascii() or ("À" <= char <= "ž" and char.isalpha())):
        return char
    plain = unicodedata.normalize("NFKD", char).encode("ascii", "ignore").decode()
    return "".join(_SPECIAL.get(each, each) for each in plain if each.isprintable()) or rf"\texttt{{U+{ord(char):04X}}}"


def _row(findings: Findings, arm: Arm, left: list[Column], metrics: dict[str, Column], *, published: bool) -> str:
    mark = "" if arm.rank is None else rank_text(arm) + (f"${TIED}$" if arm.name in findings.tied else "")
    name = escape(arm.label) + (rf"~{_SPECIAL[PARETO]}" if arm.name in findings.pareto else "")
    balanced = metrics["balanced_accuracy"]
    own = findings.means.get(arm.name, {}).get("balanced_accuracy")
    cells = [_cell(findings, arm, column) for column in (*left, metrics["macro_f1"], metrics["icv"])]
    ends = bracketed(own, difference=False).partition(" ")[2]
    cells.append(_cell(findings, arm, balanced) + (rf" {{\footnotesize {ends}}}" if ends else ""))
    if published:
        beside = findings.replication.of(arm.name, "balanced_accuracy") if findings.replication else None
        apart = rf" {{\footnotesize {escape(bracketed(beside.estimate))}}}" if beside else ""
        cells.append(escape(printed(balanced.published(arm))) + apart)
    return " & ".join([mark, name, *cells, escape(number(metrics["accuracy"].ours(arm).mean)), count(arm)]) + r" \\"


def _cell(findings: Findings, arm: Arm, column: Column) -> str:
    text = number(column.ours(arm).mean, column.metric)
    if text == NONE:
        return "--"
    return rf"\textbf{{{text}}}" if text == column.best(findings.board) else text


def _caption(findings: Findings) -> str:
    board = findings.board
    tied = f"{TIED} tied with the best (the interval of the paired difference includes zero), " * bool(findings.tied)
    return escape(
        f"{one_line(board.study)}: {board.reported} split of {one_line(board.data)}, n = {board.n_test} patches; means "
        "over the n seeds of a row, in brackets the 95 % interval over seeds and patches. Ranked by "
        f"{LABELS[findings.rank_by]}; {tied}"
        f"{PARETO} beaten by no other on both balanced accuracy and ICV; bold: best of a column. ICV is the sum over "
        "classes of the squared difference of accuracy and recall."
        + (f" {ranked_on[0].upper()}{ranked_on[1:]}." if (ranked_on := rank_note(board)) else "")
        + " Published: balanced accuracy, and ours less it with the interval of ours." * (board.reference is not None)
    )
