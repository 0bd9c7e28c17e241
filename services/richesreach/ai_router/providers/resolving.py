"""Names of providers, which lead only where a provider may be."""

import asyncio
import socket
import time

from richesreach.ai_router.places import allowed_address

# Seconds for which an answer is believed, and names that are remembered.
BELIEVED = 10.0
MOST_NAMES = 256


class PublicResolver:
    """`private` admits the networks of one's own. Looked at with every resolution: names change."""

    def __init__(self, *, private: bool) -> None:
        self._private = private
        self._known: dict[tuple[str, int], tuple[float, list[str]]] = {}

    async def addresses(self, host: str, port: int) -> list[str]:
        """Raises OSError for a name that is not known, or leads elsewhere only."""
        known = self._known.get((host, port))
        if known is not None and time.monotonic() - known[0] < BELIEVED:
            return known[1]
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        texts = dict.fromkeys(str(entry[4][0]) for entry in found)
        admitted = [text for text in texts if allowed_address(text, private=self._private)]
        if not admitted:
            raise OSError(f"{host} leads to an address where no provider may be")
        if len(self._known) >= MOST_NAMES:
            self._known.clear()
        self._known[host, port] = time.monotonic(), admitted
        return admitted
