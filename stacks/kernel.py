"""jsii on a Node that runs already."""

from __future__ import annotations

from json import JSONDecodeError
from threading import RLock
from typing import Any

import jsii
from jsii._kernel.providers.process import ProcessProvider, _NodeProcess
from jsii._kernel.types import KernelRequest, KernelResponse

from stacks.errors import ConfigurationError
from stacks.node import NodeProcess


class Channel(_NodeProcess):
    """Messages as jsii writes them; one at a time, whichever thread asks.

    Raises:
        ConfigurationError: what was started is no Node that jsii runs on.
    """

    _process: Any

    def __init__(self, node: NodeProcess) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._process = node
        self._turn = RLock()
        try:
            self.handshake()
        except JSONDecodeError:  # it has ended, and said why
            problem = f"{node.program} does not run jsii"
            raise ConfigurationError("JSII_NODE", "", problem, "unset it") from None

    def stop(self) -> None:
        self._process.end()

    def send(self, request: KernelRequest, response_type: type[KernelResponse]) -> KernelResponse:
        with self._turn:
            return super().send(request, response_type)


class Provider(ProcessProvider):
    """What jsii's kernel asks, answered by that channel."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    @property
    def _process(self) -> Channel:
        return self._channel


def connect(node: NodeProcess) -> None:
    """Has jsii use ``node``; before anything of the CDK is imported, which makes the first call."""
    jsii.kernel.provider = Provider(Channel(node))
