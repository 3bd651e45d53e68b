"""The paragraph on how a study was computed, and the works that it names, as LaTeX, BibTeX and Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from raysat import __version__
from raysat.reporting.format.methods import Cited
from raysat.reporting.render.latex import escape
from raysat.reporting.render.markdown import escape as markdown


@dataclass(frozen=True, slots=True)
class Work:
    """A work that is cited."""

    kind: str  # of BibTeX
    fields: tuple[tuple[str, str], ...]  # of BibTeX, in order
    text: str  # as a line of plain text


WORKS: Final = {
    "raysat": Work(
        "software",
        (("author", "{The raysat developers}"), ("title", "raysat: paired ablations on Ray"), ("version", __version__)),
        f"The raysat developers. raysat: paired ablations on Ray, version {__version__}.",
    ),
    "fisher1935": Work(
        "book",
        (
            ("author", "Fisher, Ronald A."),
            ("title", "The Design of Experiments"),
            ("publisher", "Oliver and Boyd"),
            ("year", "1935"),
        ),
        "R. A. Fisher. The Design of Experiments. Oliver and Boyd, 1935.",
    ),
    "holm1979": Work(
        "article",
        (
            ("author", "Holm, Sture"),
            ("title", "A simple sequentially rejective multiple test procedure"),
            ("journal", "Scandinavian Journal of Statistics"),
            ("volume", "6"),
            ("number", "2"),
            ("pages", "65--70"),
            ("year", "1979"),
        ),
        "S. Holm. A simple sequentially rejective multiple test procedure. Scandinavian Journal of Statistics 6(2), "
        "65–70, 1979.",
    ),
    "gallas2006": Work(
        "article",
        (
            ("author", "Gallas, Brandon D."),
            ("title", "One-shot estimate of {MRMC} variance: {AUC}"),
            ("journal", "Academic Radiology"),
            ("volume", "13"),
            ("number", "3"),
            ("pages", "353--362"),
            ("year", "2006"),
        ),
        "B. D. Gallas. One-shot estimate of MRMC variance: AUC. Academic Radiology 13(3), 353–362, 2006.",
    ),
    "codecarbon": Work(
        "software",
        (("author", "{The CodeCarbon developers}"), ("title", "CodeCarbon"), ("url", "https://codecarbon.io")),
        "The CodeCarbon developers. CodeCarbon, https://codecarbon.io.",
    ),
}


def methods_latex(sentences: Sequence[Cited]) -> str:
    """A paragraph to input; its works are in ``raysat.bib``, and in ``main.tex`` as they are."""
    return "".join(f"{line}\n" for line in map(_latex_sentence, sentences))


def _latex_sentence(said: Cited) -> str:
    cited = rf"~\cite{{{','.join(said.works)}}}" if said.works else ""
    return f"{escape(said.text)}{cited}."


def methods_markdown(sentences: Sequence[Cited]) -> str:
    """The same paragraph with numbered works below it; what Markdown would obey is escaped."""
    works = cited_works(sentences)
    text = " ".join(
        markdown(said.text) + "".join(f" [{works.index(work) + 1}]" for work in said.works) + "." for said in sentences
    )
    listed = "".join(f"{number}. {markdown(WORKS[work].text)}\n" for number, work in enumerate(works, 1))
    return f"{text}\n\n{listed}"


def bibtex(sentences: Sequence[Cited]) -> str:
    """The works that a paragraph cites."""
    return "\n".join(
        f"@{WORKS[work].kind}{{{work},\n"
        + "".join(f"  {name} = {{{text}}},\n" for name, text in WORKS[work].fields)
        + "}\n"
        for work in cited_works(sentences)
    )


def bibliography(sentences: Sequence[Cited]) -> Iterator[str]:
    """Lines of a bibliography that needs no BibTeX."""
    works = cited_works(sentences)
    yield rf"\begin{{thebibliography}}{{{len(works)}}}"
    yield from (rf"\bibitem{{{work}}} {escape(WORKS[work].text)}" for work in works)
    yield r"\end{thebibliography}"


def cited_works(sentences: Sequence[Cited]) -> list[str]:
    """The keys of all works, in the order in which they are cited."""
    return list(dict.fromkeys(work for said in sentences for work in said.works))
