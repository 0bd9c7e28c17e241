"""What the directory of users refuses, as problems."""

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request
from starlette.responses import Response

from richesreach.core.logs import logger
from richesreach.core.problems import problem_response
from richesreach.gateway.users.directory import (
    BusyError,
    DirectoryFailedError,
    NotPermittedError,
    PasswordRefusedError,
    SecondFactorError,
    UnknownUserError,
    WrongCredentialsError,
)
from richesreach.gateway.users.service import OwnAccountError

Handler = Callable[[Request, Exception], Awaitable[Response]]

# Status, slug, detail, headers. One text for every way to be wrong: no answer tells who has an account.
_ANSWERS: dict[type[Exception], tuple[int, str, str, dict[str, str]]] = {
    BusyError: (429, "too-many-tries", "Too many tries. Wait a while.", {"retry-after": "60"}),
    NotPermittedError: (
        403,
        "not-permitted",
        "The user pool does not permit this here: sign up and in at its own pages.",
        {},
    ),
    OwnAccountError: (
        409,
        "own-account",
        "Nobody takes the role of admin or the account from themselves: another admin can.",
        {},
    ),
    PasswordRefusedError: (
        422,
        "password-refused",
        "The password is not long or varied enough: at least 14 characters of every kind.",
        {},
    ),
    SecondFactorError: (
        403,
        "second-factor-needed",
        "This account has a second factor: sign in at the user pool's own pages.",
        {},
    ),
    UnknownUserError: (404, "unknown-user", "No such user is known.", {}),
    WrongCredentialsError: (
        401,
        "wrong-credentials",
        "What was sent is not right together.",
        {"www-authenticate": 'Bearer realm="richesreach"'},
    ),
}


def install(app: FastAPI) -> None:
    for kind in _ANSWERS:
        app.exception_handler(kind)(_handler(kind))
    app.exception_handler(DirectoryFailedError)(_failed)


def _handler(kind: type[Exception]) -> Handler:
    status, slug, detail, headers = _ANSWERS[kind]

    async def answer(request: Request, _error: Exception) -> Response:
        return problem_response(request.scope, status, detail, kind=slug, headers=headers)

    return answer


async def _failed(request: Request, error: Exception) -> Response:
    logger().warning("user_pool_failed", error=str(error))
    detail = "The user pool does not answer at the moment. Try again in a few seconds."
    headers = {"retry-after": "5"}
    return problem_response(request.scope, 503, detail, kind="user-pool-unavailable", headers=headers)
