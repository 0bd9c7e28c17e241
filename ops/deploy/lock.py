"""One run an environment at a time: an SSM parameter of the home region that only one caller can create.

PutParameter without Overwrite is refused where the parameter exists, whoever was first; it needs nothing
that a stack would have to make. Its holder never writes it again, so that one whose lock was broken cannot
take the next one's: it looks before each wave and stops.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ops.deploy.asking import Account, asking
from ops.deploy.here import Who
from ops.deploy.record import now
from ops.deploy.store import Store
from ops.errors import OperationError, UsageError
from ops.local.process import start_time

#: A holder that gave no sign of life for so long is taken for dead.
SILENCE = timedelta(minutes=5)
#: Seconds between two of them.
BEAT = 30.0


@dataclass(frozen=True)
class Held:
    """Who holds an environment, since when (ISO 8601), for which run of which command.

    ``token`` tells one holder from another: a run that is resumed elsewhere has the same ``run``.
    """

    run: str
    command: str
    name: str
    host: str
    pid: int
    started: int
    since: str
    token: str = ""

    @property
    def who(self) -> str:
        return f"{self.name} on {self.host}"


class Lock:
    """The lock of one environment, as one process takes it."""

    def __init__(self, account: Account, store: Store) -> None:
        environment = store.environment
        self.environment = environment.name
        self.name = environment.names.parameter("delivery", "lock")
        self.region = environment.home_region
        self.store = store
        self._token = secrets.token_hex(16)
        self._ssm: Any = account.client("ssm", self.region)

    def acquire(self, run: str, command: str, who: Who, break_of: str | None = None) -> str:
        """Takes the lock for ``run``; says what was done to get it, empty where it was free.

        One left by a run of the same user on the same host that is no more is taken over. ``break_of`` names
        the holder whose lock is to be broken.

        Raises:
            OperationError: somebody else holds it.
            UsageError: ``break_of`` is not who holds it.
        """
        mine = Held(run, command, who.name, who.host, who.pid, who.started, now(), self._token)
        if self._create(mine):
            return "" if break_of is None else "there was no lock to break"
        held = self.holder()
        if held is None:
            return self.acquire(run, command, who, break_of)
        said = self._may_take(held, who, break_of)
        self._delete()
        if not self._create(mine):
            raise OperationError(f"somebody else took the lock of {self.environment} just now; try again")
        return said

    def _may_take(self, held: Held, who: Who, break_of: str | None) -> str:
        if break_of is not None:
            if break_of != held.name:
                raise UsageError(f"the lock is held by {held.name!r}; --break-lock takes that very name")
            return f"broke the lock of {held.who}, held since {held.since}"
        if (held.name, held.host) == (who.name, who.host) and start_time(held.pid) != held.started:
            return f"took over the lock of run {held.run}, which ended without giving it back"
        raise OperationError(self._refusal(held))

    def _refusal(self, held: Held) -> str:
        # The last sign may be of an earlier holder.
        taken = datetime.fromisoformat(held.since)
        silent = datetime.now(UTC) - max(self.store.seen() or taken, taken)
        state = f"its last sign of life was {max(0, int(silent.total_seconds()))} s ago"
        advice = "wait for it, or talk to them"
        if silent > SILENCE:
            advice = f"make sure that it does not run any more, then repeat with --break-lock {held.name!r}"
        return (
            f"{self.environment} is being changed by {held.who} since {held.since}"
            f" (`richesreach {held.command}`, run {held.run}); {state}: {advice}"
        )

    def holder(self) -> Held | None:
        """Who holds it now."""
        with asking(self.environment, "the lock cannot be read"):
            try:
                value = self._ssm.get_parameter(Name=self.name)["Parameter"]["Value"]
            except self._ssm.exceptions.ParameterNotFound:
                return None
        try:
            return Held(**json.loads(value))
        except (TypeError, ValueError):
            raise OperationError(
                f"the parameter {self.name} in {self.region} is no lock; look who wrote it, then delete it"
            ) from None

    @contextmanager
    def alive(self) -> Iterator[None]:
        """Signs of life from the first moment on: before its record begins, a run may wait long for stacks
        that somebody else is updating. One that cannot be given is made up for by the next."""
        stop = threading.Event()

        def beat() -> None:
            while True:
                with suppress(OperationError):
                    self.store.beat()
                if stop.wait(BEAT):
                    return

        signs = threading.Thread(target=beat, name="signs of life", daemon=True)
        signs.start()
        try:
            yield
        finally:
            stop.set()
            signs.join()

    def check(self) -> None:
        """Makes sure that this process still holds it.

        Raises:
            OperationError: it was broken.
        """
        held = self.holder()
        if held is None or held.token != self._token:
            by = f"; {held.who} holds it now" if held else ""
            raise OperationError(f"the lock of this run was broken{by}: nothing more is begun")

    def release(self) -> None:
        """Gives it back, where it is still this process's."""
        held = self.holder()
        if held is not None and held.token == self._token:
            self._delete()

    def _create(self, mine: Held) -> bool:
        with asking(self.environment, "the lock cannot be written"):
            try:
                self._ssm.put_parameter(
                    Name=self.name,
                    Type="String",
                    Overwrite=False,
                    Value=json.dumps(asdict(mine)),
                    Description="Held while richesreach deploys; see docs/runbooks/deployment-lock.md",
                )
            except self._ssm.exceptions.ParameterAlreadyExists:
                return False
        return True

    def _delete(self) -> None:
        with asking(self.environment, "the lock cannot be deleted"):
            try:
                self._ssm.delete_parameter(Name=self.name)
            except self._ssm.exceptions.ParameterNotFound:
                return
