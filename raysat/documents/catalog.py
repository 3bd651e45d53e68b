"""All documents by the name that ``raysat schema --of`` knows them by; each is imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from raysat.documents.base import Document

_MODELS: Final = {  # name -> module and class
    "compare": ("compare", "CompareDocument"),
    "data-info": ("data_info", "StoreDocument"),
    "data-verify": ("data_verify", "StoreCheckDocument"),
    "doctor": ("doctor", "DoctorDocument"),
    "leaderboard": ("leaderboard", "LeaderboardDocument"),
    "ledger-copy": ("ledger_copy", "CopyDocument"),
    "ledger-gc": ("ledger_gc", "GarbageDocument"),
    "ledger-verify": ("ledger_verify", "VerifyDocument"),
    "logs": ("logs", "LogsDocument"),
    "methods": ("methods", "MethodsDocument"),
    "plan": ("plan", "PlanDocument"),
    "power": ("power", "PowerDocument"),
    "report": ("report", "ReportDocument"),
    "status": ("status", "StatusDocument"),
}
NAMES: Final = tuple(_MODELS)


def document_model(name: str) -> type[Document]:
    """Return the model of a document by one of ``NAMES``."""
    module, model = _MODELS[name]
    found: type[Document] = getattr(import_module(f"raysat.documents.{module}"), model)
    return found
