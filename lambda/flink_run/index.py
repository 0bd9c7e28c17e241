"""Custom resource: runs an application of Managed Service for Apache Flink, or stops it.

CloudFormation makes and updates such an application and never starts it. Properties: ``Application`` (its
name), ``Running`` and ``AllowNonRestoredState`` (``true`` or ``false``), and ``Revision``, which changes with
what runs. Create and Update leave the application running, or stopped, as asked; Delete stops it. A stop
takes a snapshot, and a start goes on from the newest one. One that CloudFormation has updated while it ran
has been started again by the service, from the snapshot that it took before; here its end is awaited.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import boto3
import cloudformation

POLL_SECONDS = 5.0

#: Time kept back to answer CloudFormation before Lambda cuts the function off.
RESERVE_MILLISECONDS = 20_000

RUNNING, READY = "RUNNING", "READY"
#: What ends by itself. A start that fails ends in READY.
PASSING = frozenset(
    {"STARTING", "STOPPING", "FORCE_STOPPING", "UPDATING", "AUTOSCALING", "MAINTENANCE", "ROLLING_BACK"}
)
#: The service has put the version before in place of one that did not run.
ROLLED_BACK = "ROLLED_BACK"
#: What a stop with a snapshot is refused in.
UNSTABLE = frozenset({"STARTING", "UPDATING", "AUTOSCALING"})


class NotRunningError(Exception):
    """The application is not in the state that was asked for."""


def handler(event: dict[str, Any], context: Any) -> None:
    """Answers CloudFormation at ``event["ResponseURL"]``, whatever happens."""

    def act() -> None:
        properties = event["ResourceProperties"]
        application = Application(
            properties["Application"],
            boto3.client("kinesisanalyticsv2"),
            context.get_remaining_time_in_millis,
        )
        if event["RequestType"] == "Delete":
            application.remove()
        elif properties["Running"] == "true":
            application.run(allow_non_restored=properties["AllowNonRestoredState"] == "true")
        else:
            application.stop()

    cloudformation.answer(event, act)


class Application:
    """One application, by its name. ``remaining`` gives the milliseconds that are left."""

    def __init__(
        self,
        name: str,
        flink: Any,
        remaining: Callable[[], int],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name, self.flink, self.remaining, self.sleep = name, flink, remaining, sleep

    def run(self, *, allow_non_restored: bool) -> None:
        """Starts it where it does not run.

        Raises:
            NotRunningError: it did not start, or not in time, or the service took an update back.
        """
        status = self._settled()
        if status == ROLLED_BACK:
            raise NotRunningError(
                f"the service took the update of {self.name} back, because it did not run: see its log"
            )
        if status == RUNNING:
            return
        self._start(allow_non_restored)
        status = self._settled()
        if status != RUNNING:
            raise NotRunningError(
                f"{self.name} did not start and is {status}: see its log, then deploy again"
            )

    def stop(self) -> None:
        """Stops it with a snapshot where it runs.

        Raises:
            NotRunningError: it did not stop in time.
        """
        if self._settled() != READY:
            self.flink.stop_application(ApplicationName=self.name)
            status = self._settled()
            if status != READY:
                raise NotRunningError(
                    f"{self.name} did not stop and is {status}: see its log, then deploy again"
                )

    def remove(self) -> None:
        """Stops it, if it is still there. What never came to run is stopped by force, without a snapshot."""
        try:
            status = self._status()
        except self.flink.exceptions.ResourceNotFoundException:
            return
        if status in UNSTABLE:
            self.flink.stop_application(ApplicationName=self.name, Force=True)
            self._settled()
        else:
            self.stop()

    def _start(self, allow_non_restored: bool) -> None:
        restore = "RESTORE_FROM_LATEST_SNAPSHOT" if self._has_snapshot() else "SKIP_RESTORE_FROM_SNAPSHOT"
        self.flink.start_application(
            ApplicationName=self.name,
            RunConfiguration={
                "FlinkRunConfiguration": {"AllowNonRestoredState": allow_non_restored},
                "ApplicationRestoreConfiguration": {"ApplicationRestoreType": restore},
            },
        )

    def _has_snapshot(self) -> bool:
        more: dict[str, str] = {}
        while True:
            page = self.flink.list_application_snapshots(ApplicationName=self.name, **more)
            if any(each["SnapshotStatus"] == READY for each in page["SnapshotSummaries"]):
                return True
            if "NextToken" not in page:
                return False
            more = {"NextToken": page["NextToken"]}

    def _status(self) -> str:
        answer = self.flink.describe_application(ApplicationName=self.name)
        return str(answer["ApplicationDetail"]["ApplicationStatus"])

    def _settled(self) -> str:
        """The first status that lasts; what passes is waited for, as long as there is time."""
        while (status := self._status()) in PASSING:
            if self.remaining() <= RESERVE_MILLISECONDS:
                raise NotRunningError(f"{self.name} was still {status} when time ran out: deploy again")
            self.sleep(POLL_SECONDS)
        return status
