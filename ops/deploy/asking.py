"""Asks AWS, and turns what it refuses into one line that says what to do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from ops import account
from ops.account import EXPIRED, LOCAL
from ops.errors import OperationError

_CONFIG = Config(retries={"mode": "adaptive", "max_attempts": 8}, connect_timeout=5)

#: The service knows no such credentials.
_REFUSED = frozenset(
    {
        "AuthFailure",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidToken",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
#: There are none to ask with.
_MISSING = (
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})


class Account:
    """The account of one environment: its clients, made once for each service and region."""

    def __init__(self, environment: str) -> None:
        self.environment = environment
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()

    def client(self, service: str, region: str) -> Any:
        with self._lock:
            if (service, region) not in self._clients:
                made = account.client(self.environment, service, region, _CONFIG)
                self._clients[service, region] = made
            return self._clients[service, region]


@contextmanager
def asking(environment: str, what: str) -> Iterator[None]:
    """Around calls of AWS: ``what`` says what they were for.

    Raises:
        OperationError: AWS refused or did not answer; the message has the mend.
    """
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise OperationError(f"{what}: {error}; {_mend(environment, error)}") from None


def code(error: Exception) -> str:
    """The error's code as the service gave it; empty where there was no answer."""
    return str(error.response["Error"].get("Code", "")) if isinstance(error, ClientError) else ""


def _mend(environment: str, error: Exception) -> str:
    if environment == LOCAL:
        return "is the platform up? `make up`"
    why = code(error)
    if why in EXPIRED:
        return "the credentials expired: sign in again, e.g. `aws sso login`, and repeat the command"
    if why in _DENIED:
        return "the credentials may not do this: see docs/delivery.md for what a deployment needs"
    if why in _REFUSED or isinstance(error, _MISSING):
        return "sign in, e.g. `aws sso login`, and set AWS_PROFILE"
    return "repeat the command"
