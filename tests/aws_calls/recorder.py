"""Records which call of ``ops/`` and ``lambda/`` each test makes, and who answers it.

botocore announces every call it makes; the innermost frame of the repository says whose it is, so that a call
which a test makes to set its scene counts for nothing.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

from botocore import handlers, xform_name
from botocore.model import OperationModel

from tests.aws_calls.source import ROOT

Layer = Literal["moto", "local AWS", "stub"]

_TREES = tuple(f"{ROOT}/{tree}/" for tree in ("ops", "lambda", "tests"))
_TESTS = _TREES[-1]
_HERE = f"{ROOT}/tests/aws_calls/"


class Call(NamedTuple):
    """A call: file of ``ops/`` or ``lambda/``, ``service.method``, who answered, file of the test."""

    source: str
    operation: str
    layer: Layer
    test: str

    @property
    def method(self) -> str:
        return self.operation.partition(".")[2]


@dataclass
class _Pending(threading.local):
    source: str | None = None
    sent_to: Layer | None = None


#: Command line that runs a module of ``ops`` as ``python -m`` does, and records its calls as the test's.
RECORDED = (sys.executable, "-m", "tests.aws_calls")

#: Names the file to which such a process appends its calls.
_FILE = "RICHESREACH_AWS_CALLS"

_seen: set[Call] = set()
_pending = _Pending()


def install() -> None:
    """Listens to every botocore session made from now on, ahead of moto, whose answer ends the event."""
    if _FILE not in os.environ:
        handle, os.environ[_FILE] = tempfile.mkstemp(prefix="aws-calls-")
        os.close(handle)
    handlers.BUILTIN_HANDLERS[:0] = [
        ("provide-client-params.*.*", _begin),
        ("before-send.*.*", _send),
        ("after-call.*.*", _end),
    ]


def recorded() -> set[Call]:
    """Every call so far, of this process and of those that it started; the file is removed."""
    file = Path(os.environ.pop(_FILE))
    calls = {Call(*json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()}
    file.unlink()
    return calls


def _begin(**_: Any) -> None:
    _pending.source, _pending.sent_to = _caller(), None


def _send(request: Any, **_: Any) -> None:
    local = urlsplit(request.url).hostname in {"127.0.0.1", "localhost"}
    _pending.sent_to = "local AWS" if local else "moto"


def _end(model: OperationModel, **_: Any) -> None:
    """A call that was answered; a Stubber's answer comes before anything is sent."""
    test = os.environ.get("PYTEST_CURRENT_TEST", "").partition("::")[0]
    if _pending.source and test:
        operation = f"{model.service_model.service_name}.{xform_name(model.name)}"
        call = Call(_pending.source, operation, _pending.sent_to or "stub", test)
        if call not in _seen:
            _seen.add(call)
            with Path(os.environ[_FILE]).open("a", encoding="utf-8") as file:
                file.write(f"{json.dumps(call)}\n")
    _pending.source = None


def _caller() -> str | None:
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(_TREES) and not name.startswith(_HERE):
            return None if name.startswith(_TESTS) else name.removeprefix(f"{ROOT}/")
        frame = frame.f_back  # type: ignore[assignment]
    return None
