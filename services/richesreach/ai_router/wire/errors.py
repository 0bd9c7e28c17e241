"""Errors as OpenAI's API tells them: what its SDKs turn into exceptions."""

import msgspec


class ErrorDetail(msgspec.Struct, frozen=True, omit_defaults=False):
    """`type` and `code` are stable words; `param` is the member at fault, such as `messages[2].content`."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


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

    def body(self) -> bytes:
        return encode(self.message, self.kind, self.param, self.code)


def encode(message: str, kind: str, param: str | None = None, code: str | None = None) -> bytes:
    return msgspec.json.encode(ErrorBody(ErrorDetail(message, kind, param, code)))
