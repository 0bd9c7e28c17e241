"""Configuration of the replication between the regions' lakes."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator

from stacks.yaml_file import Frozen, MisfitError

_PREFIX = re.compile(r"^(|(raw|processed|curated|metadata)/([A-Za-z0-9_.=-]+/)*)$")


def _prefix(value: str) -> str:
    if not _PREFIX.match(value):
        raise ValueError(f"{value!r} is no folder of a zone; write one such as curated/, or '' for all")
    return value


class ReplicationSettings(Frozen):
    """``destinations``: the regions that receive, each from every other; nothing is replicated where there
    are none. A region that joins sends to them, and receives when it is listed: so no other sends to one more
    by itself, and what is stored does not grow with the square of the regions.
    ``time_control``: 99.99 % within 15 minutes, at a price per GB (S3 Replication Time Control)."""

    destinations: tuple[str, ...] = ()
    prefix: Annotated[str, AfterValidator(_prefix)] = ""
    time_control: bool = False
    delete_markers: bool = False
    storage_class: Literal["STANDARD", "STANDARD_IA", "GLACIER_IR"] = "STANDARD_IA"

    def check(self, regions: list[str]) -> None:
        """Raises MisfitError when a destination is no region of the environment, or is named twice."""
        for region in self.destinations:
            if region not in regions:
                raise MisfitError(
                    "lake.replication.destinations",
                    f"{region} is no region of this environment",
                    f"choose among {', '.join(regions)}",
                )
        if len(set(self.destinations)) != len(self.destinations):
            raise MisfitError(
                "lake.replication.destinations", "names a region twice", "remove the repetition"
            )

    def targets(self, source: str) -> list[str]:
        """Regions that the lake of ``source`` replicates to, in the order of their priority."""
        return [region for region in self.destinations if region != source]
