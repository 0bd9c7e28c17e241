"""A viewer of the platform, and the command line as its user types it."""

from __future__ import annotations

import http.client
import itertools
import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

from ops.local import paths

T = TypeVar("T")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    @property
    def region(self) -> str:
        """The region whose service answered."""
        return self.headers["x-richesreach-region"]


class _FromAnAddressOfItsOwn(urllib.request.HTTPHandler):
    """Each request comes from another loopback address: limits count callers by address, and a test that asks
    until something is true would use up the allowance of one.
    """

    numbers = itertools.count()

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        number = next(self.numbers)
        source = (f"127.66.{number // 250 % 250}.{number % 250 + 1}", 0)
        return self.do_open(http.client.HTTPConnection, request, source_address=source)


_viewers = urllib.request.build_opener(_FromAnAddressOfItsOwn)


class Edge:
    """Requests to the local CloudFront, from a chosen place."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str, place: str | None = None, token: str | None = None) -> Answer:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return self._send(urllib.request.Request(self.url + path, headers=headers), place)

    def post(self, path: str, document: object, place: str | None = None, token: str | None = None) -> Answer:
        credential = {"authorization": f"Bearer {token}"} if token else None
        return self.ask("POST", path, credential=credential, document=document, place=place)

    def ask(
        self,
        method: str,
        path: str,
        *,
        credential: dict[str, str] | None = None,
        document: object = None,
        place: str | None = None,
    ) -> Answer:
        """A request of any method; `credential` is the header that says who calls."""
        data = None if document is None else json.dumps(document).encode()
        headers = {"content-type": "application/json", **(credential or {})}
        return self._send(urllib.request.Request(self.url + path, data, headers, method=method), place)

    @staticmethod
    def _send(request: urllib.request.Request, place: str | None) -> Answer:
        if place:
            request.add_header("x-viewer-location", place)
        try:
            with _viewers.open(request, timeout=20) as response:
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status, headers, response.read())
        except urllib.error.HTTPError as error:
            headers = {name.lower(): value for name, value in error.headers.items()}
            return Answer(error.code, headers, error.read())


def richesreach(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line, as a process of its own."""
    command = [str(paths.PYTHON.parent / "richesreach"), *arguments]
    return subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True, timeout=300, check=False)


def eventually(check: Callable[[], T | None], what: str, seconds: float) -> T:
    """The first truthy value of ``check``; fails, naming ``what``, when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not within {seconds} s")
        time.sleep(0.3)
