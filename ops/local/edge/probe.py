"""One health probe, and the thresholds that turn probes into a state. Shared by targets and Route 53."""

import asyncio
from dataclasses import dataclass

import aiohttp
from yarl import URL

from ops.local.edge.process import require_loopback


class InvalidMatcherError(ValueError):
    """A matcher that is not a list of HTTP codes and ranges of them."""


@dataclass(frozen=True)
class Matcher:
    """Acceptable HTTP codes, written as load balancers write them: `200`, `200,302`, `200-299`."""

    text: str

    def accepts(self, status: int) -> bool:
        """True when `status` is listed or lies in a range. Raises InvalidMatcherError."""
        for part in self.text.split(","):
            first, _, last = part.strip().partition("-")
            if not first.isdigit() or (last and not last.isdigit()):
                raise InvalidMatcherError(
                    f"matcher {self.text!r} is not a list of codes such as 200,302 or 200-299"
                )
            if int(first) <= status <= int(last or first):
                return True
        return False


@dataclass(frozen=True)
class Probe:
    """What to ask, and what counts as a good answer. `timeout` in seconds."""

    address: str
    port: int
    path: str
    timeout: float
    matcher: Matcher
    scheme: str = "http"
    user_agent: str = "ELB-HealthChecker/2.0"
    text: str = ""

    async def run(self, session: aiohttp.ClientSession) -> str:
        """The reason for which the probed server is not well, in plain words; empty when it is."""
        place = f"{self.address}:{self.port}"
        try:
            require_loopback(self.address)
            if self.scheme == "tcp":
                return await self._connect()
            return await asyncio.wait_for(self._get(session), self.timeout)
        except TimeoutError:
            return f"GET {self.path} on {place} gave no answer within {self.timeout:g} s"
        except aiohttp.ClientConnectorError as error:
            refused = isinstance(error.os_error, ConnectionRefusedError)
            return (
                f"connection refused on {place}" if refused else f"no connection to {place}: {error.os_error}"
            )
        except aiohttp.ClientError as error:
            return f"GET {self.path} on {place} failed: {error}"
        except (OSError, ValueError) as error:
            return f"no connection to {place}: {error}"

    async def _get(self, session: aiohttp.ClientSession) -> str:
        url = URL(f"{self.scheme}://{self.address}:{self.port}{self.path}", encoded=True)
        headers = {"User-Agent": self.user_agent, "Connection": "close"}
        async with session.get(url, headers=headers, allow_redirects=False, ssl=False) as answer:
            if not self.matcher.accepts(answer.status):
                return f"GET {self.path} answered {answer.status}, expected {self.matcher.text}"
            if self.text and self.text not in (await answer.content.read(5120)).decode(errors="replace"):
                return f"GET {self.path} answered without {self.text!r} in its first 5,120 bytes"
        return ""

    async def _connect(self) -> str:
        _, writer = await asyncio.wait_for(asyncio.open_connection(self.address, self.port), self.timeout)
        writer.close()
        return ""


@dataclass
class Thresholds:
    """Consecutive probes needed to change one's mind."""

    healthy: int
    unhealthy: int
    well: bool
    streak: int = 0

    def note(self, well: bool) -> bool:
        """Count one probe; the state after it."""
        if well == self.well:
            self.streak = 0
            return self.well
        self.streak += 1
        if self.streak >= (self.healthy if well else self.unhealthy):
            self.well, self.streak = well, 0
        return self.well
