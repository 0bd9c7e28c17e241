"""The lakes of an environment: its regions, their buckets and clients of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ops import account
from ops.errors import UsageError
from stacks.environment import Environment, load_environment


@dataclass(frozen=True)
class Lake:
    """One region's lake: an S3 client of the region and the bucket."""

    s3: Any
    bucket: str
    region: str


def lakes(name: str, region: str | None) -> tuple[Environment, list[Lake]]:
    """The lakes of environment ``name``, or of one of its regions.

    Raises:
        ConfigurationError: there is no such environment.
        UsageError: the environment has no such region.
        OperationError: it is not local and there are no usable credentials.
    """
    environment = load_environment(name)
    if region is not None and region not in environment.regions:
        raise UsageError(f"{region!r} is no region of {name}; choose one of {', '.join(environment.regions)}")
    owner = account.of_caller(name)
    return environment, [
        Lake(account.client(name, "s3", each), environment.names.lake_bucket(owner, each), each)
        for each in ([region] if region else environment.regions)
    ]
