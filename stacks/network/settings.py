"""Configuration of the network area."""

from __future__ import annotations

from typing import Literal

from stacks.settings import LogDays
from stacks.yaml_file import Frozen


class NetworkSettings(Frozen):
    """``nat_gateways``: how many a region has; one a zone keeps a zone's loss inside the zone."""

    nat_gateways: Literal["per-zone", "one"]
    flow_log_days: LogDays
