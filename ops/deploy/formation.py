"""What CloudFormation says of the environment's stacks: their state, what keeps one from being deployed, why
one failed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ops.deploy.asking import Account, asking
from ops.errors import OperationError
from stacks.environment import Environment

#: Seconds between two looks at a stack that is busy.
LOOK = 5.0
_THREADS = 12

#: What each state that no deployment may begin from needs.
_MENDS: Mapping[str, str] = {
    "ROLLBACK_COMPLETE": "its creation failed and was rolled back; delete it: {delete}",
    "CREATE_FAILED": "its creation failed; delete it: {delete}",
    "ROLLBACK_FAILED": "its creation failed and so did the way back; delete it: {delete}",
    "DELETE_FAILED": "it could not be deleted as a whole; look why, then {delete}",
    "UPDATE_FAILED": "it stands between two states; `{aws} rollback-stack {named}`",
    "UPDATE_ROLLBACK_FAILED": "an update failed and so did the way back; mend what its events name, then"
    " `{aws} continue-update-rollback {named}`",
    "IMPORT_ROLLBACK_FAILED": "an import failed; `{aws} delete-stack {named}` once what it holds is safe",
}


@dataclass(frozen=True)
class State:
    """A stack as it is now."""

    name: str
    region: str
    status: str
    reason: str = ""
    outputs: Mapping[str, str] = field(default_factory=dict)
    protected: bool = False

    @property
    def busy(self) -> bool:
        # A stack in review waits for somebody to execute a change set; nothing happens by itself.
        return self.status.endswith("_IN_PROGRESS") and self.status != "REVIEW_IN_PROGRESS"

    @property
    def blocked(self) -> str:
        """What to do before it can be deployed; empty where it can be."""
        mend = _MENDS.get(self.status)
        if mend is None:
            return ""
        aws, named = "aws cloudformation", f"--region {self.region} --stack-name {self.name}"
        return mend.format(aws=aws, named=named, delete=f"`{aws} delete-stack {named}`")


class Formation:
    """CloudFormation in every region of an environment."""

    def __init__(self, account: Account, environment: Environment) -> None:
        self.account = account
        self.environment = environment

    def client(self, region: str) -> Any:
        return self.account.client("cloudformation", region)

    def states(self, regions: Iterable[str]) -> dict[str, State]:
        """Every stack of the environment in these regions."""
        places = sorted(set(regions))
        what = "CloudFormation does not tell its stacks"
        with asking(self.environment.name, what), ThreadPoolExecutor(_THREADS) as pool:
            found = list(pool.map(self._states, places))
        return {state.name: state for each in found for state in each}

    def _states(self, region: str) -> list[State]:
        pages = self.client(region).get_paginator("describe_stacks").paginate()
        prefix = f"{self.environment.names.prefix}-"
        return [
            _state(stack, region)
            for page in pages
            for stack in page["Stacks"]
            if stack["StackName"].startswith(prefix) and stack["StackStatus"] != "DELETE_COMPLETE"
        ]

    def state(self, name: str, region: str) -> State | None:
        """One stack; None where it does not exist."""
        client = self.client(region)
        with asking(self.environment.name, f"{name} cannot be described"):
            try:
                return _state(client.describe_stacks(StackName=name)["Stacks"][0], region)
            except client.exceptions.ClientError as error:
                if "does not exist" in str(error):
                    return None
                raise

    def settle(
        self, name: str, region: str, stopped: Callable[[], bool] = lambda: False, look: float = LOOK
    ) -> State | None:
        """Waits while CloudFormation works on the stack, or until told to stop."""
        while True:
            found = self.state(name, region)
            if found is None or not found.busy or stopped():
                return found
            time.sleep(look)

    def check(self, states: Iterable[State]) -> None:
        """Makes sure that each can be deployed.

        Raises:
            OperationError: some cannot; the message says what to do about each.
        """
        stuck = [f"{state.name} is in {state.status}: {state.blocked}" for state in states if state.blocked]
        if stuck:
            raise OperationError("; ".join(stuck))

    def failure(self, name: str, region: str, since: datetime) -> str:
        """Why an operation on the stack failed: CloudFormation's own words on the first resources."""
        client = self.client(region)
        found: list[str] = []
        with asking(self.environment.name, f"{name}'s events cannot be read"):
            try:
                for page in client.get_paginator("describe_stack_events").paginate(StackName=name):
                    events = [event for event in page["StackEvents"] if event["Timestamp"] >= since]
                    found += [_words(event) for event in events if _failed(event)]
                    if len(events) < len(page["StackEvents"]):
                        break
            except client.exceptions.ClientError as error:
                if "does not exist" not in str(error):
                    raise
        return " | ".join(reversed(found[-2:]))


def _state(stack: Mapping[str, Any], region: str) -> State:
    return State(
        stack["StackName"],
        region,
        stack["StackStatus"],
        stack.get("StackStatusReason", ""),
        {each["OutputKey"]: str(each["OutputValue"]) for each in stack.get("Outputs", [])},
        bool(stack.get("EnableTerminationProtection")),
    )


def _failed(event: Mapping[str, Any]) -> bool:
    """Not the stack's own line, nor what was only cancelled because another failed."""
    reason = str(event.get("ResourceStatusReason", ""))
    own = event.get("PhysicalResourceId") == event.get("StackId")
    return event["ResourceStatus"].endswith("_FAILED") and not own and "cancelled" not in reason


def _words(event: Mapping[str, Any]) -> str:
    return (
        f"{event['LogicalResourceId']} ({event['ResourceType']}) {event['ResourceStatus']}:"
        f" {event.get('ResourceStatusReason', 'no reason given')}"
    )
