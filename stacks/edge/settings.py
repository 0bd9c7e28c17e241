"""Configuration of the edge."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from stacks.yaml_file import Frozen


class EdgeSettings(Frozen):
    """``certificate``: an ACM certificate for the site and each region; without it CloudFront answers
    on its own name and speaks HTTP to the origins."""

    certificate: bool
    price_class: Literal["PriceClass_100", "PriceClass_200", "PriceClass_All"]
    health_check_interval_seconds: Literal[10, 30]
    origin_connect_seconds: Annotated[int, Field(ge=1, le=10)]
    origin_read_seconds: Annotated[int, Field(ge=1, le=120)]
