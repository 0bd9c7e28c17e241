"""Keep one process running: restart it in place, later each time it fails again."""

import random
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ops.local.process import Child, Command
from ops.local.state import ProcessState

Clock = Callable[[], float]


@dataclass
class Backoff:
    """Delays that double from `first` to `longest` seconds, each ± 25 % so that restarts spread out.

    A process that ran for `proven` seconds starts over at `first`.
    """

    first: float = 0.5
    longest: float = 15.0
    proven: float = 20.0
    failures: int = 0

    def next_delay(self, ran_for: float) -> float:
        """Seconds to wait after a run of `ran_for` seconds ended."""
        self.failures = 1 if ran_for >= self.proven else self.failures + 1
        delay = min(self.longest, self.first * 2.0 ** min(self.failures - 1, 16))
        return delay * random.uniform(0.75, 1.25)  # noqa: S311 - spreads load, guards nothing


@dataclass
class Keeper:
    """One process by name. `tick` starts it when it is due and notices its end; nothing else runs in between.

    `kind`, `region`, `address` and `port` are only shown.
    """

    name: str
    kind: str
    region: str = ""
    address: str = ""
    port: int = 0
    clock: Clock = time.monotonic
    backoff: Backoff = field(default_factory=Backoff)
    child: Child | None = None
    exits: int = 0
    restarts: int = 0
    reason: str = ""
    wanted: bool = False
    _due: float = 0.0
    _since: float = 0.0

    def tick(self, command: Command) -> bool:
        """Make it run with `command` (used at the next start); whether it runs now."""
        self.wanted = True
        if self.running():
            return True
        now = self.clock()
        if now < self._due:
            return False
        try:
            self.child = Child(command)
        except OSError as error:
            self.reason = f"cannot start {command.argv[0]}: {error.strerror}"
            self._due = now + self.backoff.next_delay(0.0)
            return False
        if self.exits:
            self.restarts += 1
        self._since = now
        return True

    def running(self) -> bool:
        """Whether it runs; an end that is seen for the first time sets when the next start is due."""
        if self.child is None:
            return False
        if self.child.alive():
            return True
        now = self.clock()
        self.reason = self.child.reason()
        self.child = None
        self.exits += 1
        self._due = now + self.backoff.next_delay(now - self._since)
        return False

    def ran_for(self) -> float:
        """Seconds that this run has lasted, 0 when it does not run."""
        return self.clock() - self._since if self.running() else 0.0

    def send(self, number: signal.Signals) -> None:
        """Send a signal if it runs."""
        if self.child is not None:
            self.child.send(number)

    def stop(self, number: signal.Signals = signal.SIGTERM, grace: float = 5.0) -> None:
        """End it and keep it ended until the next tick."""
        self.wanted = False
        if self.child is not None:
            self.child.stop(number, grace)
            self.child = None
        self._due = 0.0

    def state(self, ready: bool = True) -> ProcessState:
        """What to publish; a process that runs but is not `ready` is still starting."""
        if self.child is not None and self.child.alive():
            status = "running" if ready else "starting"
        elif not self.wanted:
            status = "stopped"
        else:
            status = "restarting" if self.exits else "starting"
        return ProcessState(
            name=self.name,
            kind=self.kind,
            region=self.region,
            address=self.address,
            port=self.port,
            pid=self.child.pid if self.child is not None else 0,
            status=status,
            restarts=self.restarts,
            reason=self.reason,
        )


def stop_together(keepers: Iterable[Keeper], grace: float = 5.0) -> None:
    """End several processes side by side, in at most about `grace` seconds."""
    listed = list(keepers)
    for keeper in listed:
        keeper.send(signal.SIGTERM)
    deadline = time.monotonic() + grace
    for keeper in listed:
        keeper.stop(grace=max(0.0, deadline - time.monotonic()))
