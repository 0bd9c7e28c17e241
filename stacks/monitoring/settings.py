"""Configuration of monitoring."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from stacks.yaml_file import Frozen


class MonitoringSettings(Frozen):
    alarm_email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")] | None = None
