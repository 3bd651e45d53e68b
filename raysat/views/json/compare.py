"""What changed from one run to another, as a document."""

from __future__ import annotations

from raysat.documents.compare import ChangePart, CompareDocument, DiffersPart, SidePart
from raysat.documents.estimate import EstimatePart
from raysat.reporting.analysis.compare import Comparison


def compare_document(compared: Comparison) -> CompareDocument:
    """Return the document of a comparison."""
    a, b = compared.runs
    return CompareDocument(
        a=a,
        b=b,
        paired=compared.paired,
        differs=tuple(DiffersPart(what=what, a=in_a, b=in_b) for what, in_a, in_b in compared.differs),
        arms=tuple(
            ChangePart(
                arm=change.arm,
                a=SidePart(seeds=change.seeds[0], balanced_accuracy=change.balanced_accuracy[0]),
                b=SidePart(seeds=change.seeds[1], balanced_accuracy=change.balanced_accuracy[1]),
                change={
                    compared.board.key(metric): EstimatePart.model_validate(estimate)
                    for metric, estimate in change.estimates.items()
                },
                settings=change.settings,
                identical=change.identical,
            )
            for change in compared.changes
        ),
        only_a=compared.only_a,
        only_b=compared.only_b,
    )
