"""Errors as OpenAI's API tells them: what its SDKs turn into exceptions."""

from collections.abc import Mapping
from typing import Any

import msgspec


class ErrorDetail(msgspec.Struct, frozen=True):
    """`type` and `code` are stable words; `param` is the member at fault, such as `messages[2].content`.

    `details` is ours: the counts of a prompt that is too long, what is left of a budget, what was tried.
    """

    message: str
    type: str
    param: str | None
    code: str | None
    details: Mapping[str, Any] | msgspec.UnsetType = msgspec.UNSET


class ErrorBody(msgspec.Struct, frozen=True):
    error: ErrorDetail


class RequestError(Exception):
    """A request that cannot be served as it is. The text is for the caller and says the mend."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        param: str | None = None,
        code: str | None = None,
        kind: str = "invalid_request_error",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code
        self.kind = kind


def encode(
    message: str,
    kind: str,
    param: str | None = None,
    code: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> bytes:
    told = ErrorDetail(message, kind, param, code, details or msgspec.UNSET)
    return msgspec.json.encode(ErrorBody(told))
