"""What the local AWS said a moment ago, for reconcilers at rest.

A pass asks some ten questions per region, once a second, and where nothing is deployed the answers are those
of before: the questions of eight reconcilers then cost more than the services of three regions. While its
reconciler is at rest a question is asked every `lasting` seconds; a change that is seen ends the rest.
"""

import time
from collections.abc import Callable, Hashable, Iterable
from typing import Any

from ops.local.reconcilers.secrets import Clients

_READING = ("describe_", "list_", "get_bootstrap_brokers")


class Answers:
    """Clients as `ops.local.aws.client` gives them. Used by one thread.

    `resting` is set by whoever knows; what the client itself changes is asked for anew at once.
    """

    def __init__(
        self, clients: Clients, lasting: float = 3.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.resting = False
        self._clients = clients
        self._lasting = lasting
        self._clock = clock
        self._kept: dict[Hashable, tuple[float, Any]] = {}

    def __call__(self, service: str, region: str) -> Any:
        return _Client(self, self._clients(service, region), (service, region))

    def read(self, key: Hashable, ask: Callable[[], Any]) -> Any:
        """The kept answer, or that of `ask`, which is kept while there is rest."""
        if not self.resting:
            self._kept.clear()
            return ask()
        asked, answer = self._kept.get(key, (float("-inf"), None))
        if self._clock() - asked > self._lasting:
            asked, answer = self._clock(), ask()
            self._kept[key] = (asked, answer)
        return answer

    def forget(self) -> None:
        self._kept.clear()


class _Client:
    def __init__(self, answers: Answers, client: Any, key: tuple[str, ...]) -> None:
        self._answers = answers
        self._client = client
        self._key = key

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        # Secrets among them: they are not kept.
        if name in ("meta", "exceptions") or (name.startswith("get_") and name not in _READING):
            return found
        if not name.startswith(_READING):
            self._answers.forget()
            return found
        return lambda **asked: self._answers.read((*self._key, name, _frozen(asked)), lambda: found(**asked))

    def get_paginator(self, name: str) -> "_Paginator":
        return _Paginator(self._answers, self._client.get_paginator(name), (*self._key, name))


class _Paginator:
    def __init__(self, answers: Answers, paginator: Any, key: tuple[str, ...]) -> None:
        self._answers = answers
        self._paginator = paginator
        self._key = key

    def paginate(self, **asked: Any) -> Iterable[Any]:
        """All pages."""
        pages: Iterable[Any] = self._answers.read(
            (*self._key, "pages", _frozen(asked)), lambda: list(self._paginator.paginate(**asked))
        )
        return pages


def _frozen(value: Any) -> Hashable:
    if isinstance(value, dict):
        return tuple(sorted((key, _frozen(each)) for key, each in value.items()))
    if isinstance(value, list | tuple):
        return tuple(_frozen(each) for each in value)
    frozen: Hashable = value
    return frozen
