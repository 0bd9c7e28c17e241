"""Configuration of delivery: how an environment is deployed, and whose workflows may."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, field_validator

from stacks.yaml_file import Frozen

_PART = r"[A-Za-z0-9][A-Za-z0-9._-]*"

#: ``owner/name``, or with the numbers that GitHub never gives twice: ``owner@id/name@id``.
_REPOSITORY = re.compile(rf"{_PART}(@[0-9]+)?/{_PART}(@[0-9]+)?").fullmatch


class DeliverySettings(Frozen):
    """How an environment is deployed. ``bake_seconds``: how long alarms are watched after a wave.
    ``concurrency``: stacks of a wave that are deployed at once.

    ``github_repository`` is one whose workflows deploy by OpenID Connect, as its tokens name it:
    ``owner@id/name@id`` where it was made since July 2026, else ``owner/name``; null: people deploy. An
    account has one identity provider for GitHub: ``create_provider`` in one of its environments only.
    """

    bake_seconds: Annotated[int, Field(ge=0, le=86_400)]
    concurrency: Annotated[int, Field(ge=1, le=20)]
    github_repository: Annotated[str, Field(max_length=140)] | None = None
    create_provider: bool = True

    @field_validator("github_repository")
    @classmethod
    def _one_repository(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if not _REPOSITORY(value):
            raise ValueError(
                f"{value!r} is no repository; write owner/name, or owner@id/name@id as its tokens do"
            )
        if value.count("@") == 1:
            raise ValueError(f"{value!r} has one number of two; write owner@id/name@id")
        return value
