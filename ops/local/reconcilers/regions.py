"""The regions that the reconcilers look after."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence

from ops.local.reconcilers.secrets import Clients

#: How the bucket is named that `cdk bootstrap` makes in a region; the region's code follows.
_BOOTSTRAP, _ASSETS = "cdk-", "-assets-"

SECONDS = 2.0


class Regions:
    """Those it was made with, and every region that was bootstrapped since, in the order of their coming.

    A region stays for good: what ran there must be seen to be gone. Threads may share one.
    """

    def __init__(
        self, clients: Clients, first: Sequence[str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clients = clients
        self._codes = list(first)
        self._clock = clock
        self._lock = threading.Lock()
        self._asked: float | None = None

    def __iter__(self) -> Iterator[str]:
        with self._lock:
            if self._asked is None or self._clock() >= self._asked + SECONDS:
                self._codes += [code for code in self._bootstrapped() if code not in self._codes]
                self._asked = self._clock()
            return iter(tuple(self._codes))

    def _bootstrapped(self) -> list[str]:
        """By one question for all regions: buckets are listed whichever region is asked."""
        names = [bucket["Name"] for bucket in self._clients("s3", self._codes[0]).list_buckets()["Buckets"]]
        ours = [name for name in names if name.startswith(_BOOTSTRAP) and _ASSETS in name]
        # cdk-<qualifier>-assets-<account>-<region>
        return sorted(name.partition(_ASSETS)[2].partition("-")[2] for name in ours)
