"""The lakes of an environment: its regions, their buckets and clients of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ops.errors import OperationError, UsageError
from ops.local import aws
from stacks.environment import Environment, load_environment

LOCAL = "local"


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
    account = aws.ACCOUNT if name == LOCAL else _account()
    return environment, [
        Lake(_client(name, each), environment.names.lake_bucket(account, each), each)
        for each in ([region] if region else environment.regions)
    ]


def _client(environment: str, region: str) -> Any:
    if environment == LOCAL:
        return aws.client("s3", region)
    import boto3  # noqa: PLC0415

    return boto3.client("s3", region_name=region)


def _account() -> str:
    import boto3  # noqa: PLC0415
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    try:
        return str(boto3.client("sts", region_name="us-east-1").get_caller_identity()["Account"])
    except (BotoCoreError, ClientError) as error:
        raise OperationError(
            f"no usable AWS credentials ({error}); sign in, e.g. `aws sso login`, and set AWS_PROFILE"
        ) from None
