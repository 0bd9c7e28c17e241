"""The forms in which a plan, and a cost, are written."""

from enum import StrEnum


class Form(StrEnum):
    """How a plan is written."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    HTML = "html"


class CostForm(StrEnum):
    """How a month's cost is written."""

    TEXT = "text"
    JSON = "json"
