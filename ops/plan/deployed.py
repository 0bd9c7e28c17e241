"""The templates that CloudFormation holds of an environment's stacks."""

from __future__ import annotations

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ops import account
from ops.errors import OperationError
from ops.plan.assembly import Stack, Template
from stacks.environment import Environment

_CONFIG = Config(retries={"mode": "adaptive", "max_attempts": 8}, connect_timeout=5)
#: A region that is none of the environment's may be closed to these credentials, or to this network.
_BRIEF = Config(retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=3, read_timeout=10)
_THREADS = 12
_GONE = frozenset({"DELETE_COMPLETE", "REVIEW_IN_PROGRESS"})


def read(environment: Environment, wanted: Iterable[Stack]) -> dict[str, Stack]:
    """Deployed stacks by name: those of ``wanted``, and every other one of the environment.

    Raises:
        OperationError: CloudFormation does not answer, or not to these credentials.
    """
    prefix = f"{environment.names.prefix}-"
    try:
        places = regions(environment, wanted)
        clients = {
            region: account.client(environment.name, "cloudformation", region, _CONFIG) for region in places
        }
        with ThreadPoolExecutor(_THREADS) as pool:
            listed = pool.map(lambda region: _names(clients[region], region, prefix), places)
            names = [pair for found in listed for pair in found]
            templates = pool.map(lambda pair: template(clients[pair[0]], pair[1]), names)
            return {
                name: Stack(name, region, account="", template=template)
                for (region, name), template in zip(names, templates, strict=True)
            }
    except (BotoCoreError, ClientError) as error:
        raise OperationError(
            f"CloudFormation gives no templates ({error}); sign in, or compare with `--base <git revision>`"
        ) from None


def regions(environment: Environment, wanted: Iterable[Stack]) -> list[str]:
    """The environment's regions, those of ``wanted``, and every other of the account that has a stack of the
    environment: a region may have left its file.

    Raises:
        BotoCoreError, ClientError: EC2 does not answer.
    """
    own = {stack.region for stack in wanted} | set(environment.regions)
    ec2 = account.client(environment.name, "ec2", environment.home_region, _CONFIG)
    others = sorted({each["RegionName"] for each in ec2.describe_regions()["Regions"]} - own)
    with ThreadPoolExecutor(_THREADS) as pool:
        occupied = pool.map(lambda region: _occupied(environment, region), others)
        return sorted(own | {region for region, there in zip(others, occupied, strict=True) if there})


def _occupied(environment: Environment, region: str) -> bool:
    client = account.client(environment.name, "cloudformation", region, _BRIEF)
    try:
        return bool(_names(client, region, f"{environment.names.prefix}-"))
    except (BotoCoreError, ClientError):
        # Closed: nothing can have been deployed there by the same hands.
        return False


def _names(client: Any, region: str, prefix: str) -> list[tuple[str, str]]:
    pages = client.get_paginator("describe_stacks").paginate()
    return [
        (region, stack["StackName"])
        for page in pages
        for stack in page["Stacks"]
        if stack["StackName"].startswith(prefix) and stack["StackStatus"] not in _GONE
    ]


def template(client: Any, name: str) -> Template:
    """A deployed stack's template as it was given; boto3 parses JSON by itself."""
    body = client.get_template(StackName=name, TemplateStage="Original")["TemplateBody"]
    if isinstance(body, str):
        return dict(json.loads(body))
    return dict(body)
