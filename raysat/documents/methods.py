"""What ``raysat methods --json`` prints: what can be configured."""

from __future__ import annotations

from pydantic import Field

from raysat.documents.base import Document, Part


class SettingPart(Part):
    """A setting of a method."""

    name: str = Field(description="Its key.")
    default: str = Field(description="As a file has it.")
    range: str = Field(description="What it may be.")
    description: str = Field(description="What it does, with its unit.")


class MethodPart(Part):
    """A method."""

    section: str = Field(description="Of a study, such as loss.")
    name: str = Field(description="Such as ldam; of a section without kinds the section's.")
    summary: str = Field(description="In a line.")
    details: str = Field(description="What else there is to say; often empty.")
    use: str = Field(description="When.")
    cost: str = Field(description="In time or memory.")
    paper: str = Field(description="Empty where there is none.")
    settings: tuple[SettingPart, ...] = Field(description="That it has.")


class MethodsDocument(Document):
    """Methods that a study can compare."""

    methods: tuple[MethodPart, ...] = Field(description="By section, its default first.")
