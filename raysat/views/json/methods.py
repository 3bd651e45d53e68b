"""What can be configured, as a document."""

from __future__ import annotations

from collections.abc import Iterable

from raysat.config.describe import MethodInfo
from raysat.documents.methods import MethodPart, MethodsDocument


def methods_document(methods: Iterable[MethodInfo]) -> MethodsDocument:
    """Return the document of some methods."""
    return MethodsDocument(methods=tuple(map(MethodPart.model_validate, methods)))
