"""The forms in which drift is written."""

from enum import StrEnum


class DriftForm(StrEnum):
    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"
