"""Where runs of an environment are kept for every engineer to see: the CDK's own bucket in the home region.

It is there before any stack is, since nothing deploys without it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from ops.deploy.asking import Account, asking, code
from ops.errors import OperationError
from stacks.environment import Environment

BOOTSTRAP = "CDKToolkit"
#: How the key of a run's record ends.
RECORD = ".jsonl"

Event = Mapping[str, Any]


class Store:
    """Records of runs as JSON lines, one object a run; ids sort by time."""

    def __init__(self, account: Account, environment: Environment) -> None:
        self.account = account
        self.environment = environment
        self.prefix = f"richesreach/{environment.name}/runs/"
        self.region = environment.home_region
        self._alive = f"{self.prefix}alive"
        self._bucket = ""

    @property
    def bucket(self) -> str:
        """The bootstrap bucket.

        Raises:
            OperationError: the home region is not bootstrapped.
        """
        if not self._bucket:
            self._bucket = self._find()
        return self._bucket

    def _find(self) -> str:
        mend = f"`richesreach cdk --env {self.environment.name} bootstrap`"
        if self.environment.name == "local":
            mend = "`make up`"
        formation = self.account.client("cloudformation", self.region)
        with asking(self.environment.name, f"{self.region} cannot be asked for its bootstrap"):
            try:
                outputs = formation.describe_stacks(StackName=BOOTSTRAP)["Stacks"][0].get("Outputs", [])
            except formation.exceptions.ClientError as error:
                if code(error) != "ValidationError":
                    raise
                outputs = []
        for output in outputs:
            if output["OutputKey"] == "BucketName":
                return str(output["OutputValue"])
        raise OperationError(f"{self.region} is not bootstrapped; run {mend}")

    def key(self, run: str) -> str:
        return f"{self.prefix}{run}{RECORD}"

    def write(self, run: str, body: str) -> None:
        with asking(self.environment.name, f"the record of run {run} cannot be written"):
            self.account.client("s3", self.region).put_object(
                Bucket=self.bucket, Key=self.key(run), Body=body.encode(), ContentType="application/jsonl"
            )

    def read(self, run: str) -> list[Event]:
        """Events of a run in their order; none where there is no such run. A line cut short is left out."""
        s3 = self.account.client("s3", self.region)
        with asking(self.environment.name, f"the record of run {run} cannot be read"):
            try:
                body = s3.get_object(Bucket=self.bucket, Key=self.key(run))["Body"].read()
            except s3.exceptions.NoSuchKey:
                return []
        return list(_events(body.decode(errors="replace")))

    def beat(self) -> None:
        """A sign of life of whoever holds the lock: always the same object, so that none is left over."""
        with asking(self.environment.name, "no sign of life can be given"):
            self.account.client("s3", self.region).put_object(Bucket=self.bucket, Key=self._alive, Body=b"")

    def seen(self) -> datetime | None:
        """When a holder of the lock last gave one, by the clock of S3."""
        s3 = self.account.client("s3", self.region)
        with asking(self.environment.name, "the holder's last sign of life cannot be read"):
            try:
                found: datetime = s3.head_object(Bucket=self.bucket, Key=self._alive)["LastModified"]
            except s3.exceptions.ClientError:
                return None
        return found

    def runs(self, newest: int) -> list[str]:
        """Ids of the newest runs, the newest first."""
        pages = self.account.client("s3", self.region).get_paginator("list_objects_v2")
        with asking(self.environment.name, "the records of earlier runs cannot be listed"):
            keys = [
                str(entry["Key"])
                for page in pages.paginate(Bucket=self.bucket, Prefix=self.prefix)
                for entry in page.get("Contents", [])
            ]
        ids = [key.removeprefix(self.prefix).removesuffix(RECORD) for key in keys if key.endswith(RECORD)]
        return sorted(ids, reverse=True)[:newest]


def _events(body: str) -> Iterator[Event]:
    for line in body.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            yield event
