"""The directory of users: a Cognito user pool, asked in threads.

Whether an address belongs to somebody is told to nobody who does not prove to be them: what Cognito tells
apart for its own console is one error here.
Source: "Actions" of the Amazon Cognito user pools API reference, which names the errors of each.
"""

import asyncio
import functools
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import boto3
import botocore.config
import botocore.exceptions
import jwt

from richesreach.core.metrics import Metrics
from richesreach.core.resilience.breaker import CircuitBreaker
from richesreach.core.resilience.bulkhead import Bulkhead
from richesreach.core.settings import UserPool

TIMEOUT = 3.0
_SIZE = 16
_UNKNOWN = "UserNotFoundException"
_WRONG = frozenset(
    {"NotAuthorizedException", _UNKNOWN, "UserNotConfirmedException", "PasswordResetRequiredException"}
)
_WRONG_CODE = frozenset(
    {
        "CodeMismatchException",
        "ExpiredCodeException",
        "NotAuthorizedException",
        _UNKNOWN,
        "AliasExistsException",
    }
)
_BUSY = frozenset(
    {
        "TooManyRequestsException",
        "LimitExceededException",
        "TooManyFailedAttemptsException",
        "ThrottlingException",
    }
)


class DirectoryFailedError(OSError):
    """The user pool does not answer, or fails."""


class UnknownUserError(Exception):
    """The pool has no such user."""


class WrongCredentialsError(Exception):
    """Address, password, code or token are not right together; which of them is not said."""


class PasswordRefusedError(Exception):
    """The password is not what the pool asks for."""


class NotPermittedError(Exception):
    """The pool does not permit this way in."""


class SecondFactorError(Exception):
    """The pool asks for more than a password, which its own pages do."""


class BusyError(Exception):
    """Too many tries."""


@dataclass(frozen=True, slots=True)
class DirectoryUser:
    subject: str
    email: str | None
    enabled: bool
    status: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SignedIn:
    """`expires_in` in seconds; subject and roles are what the access token says."""

    access_token: str
    expires_in: int
    refresh_token: str | None
    subject: str
    roles: frozenset[str]


class UserDirectory:
    """One pool. Any method may raise DirectoryFailedError, BusyError and what the circuit breaker does."""

    def __init__(self, pool: UserPool, endpoint: str | None, metrics: Metrics) -> None:
        self.breaker = CircuitBreaker("user-pool", failures=(OSError, TimeoutError))
        metrics.watch_breaker(self.breaker)
        self._bulkhead = Bulkhead("user-pool", size=_SIZE, queue=_SIZE)
        self._pool = pool
        self._endpoint = endpoint
        self._client: Any = None

    async def sign_up(self, email: str, password: str) -> bool:
        """Whether the address is new. Raises PasswordRefusedError and NotPermittedError."""
        try:
            await self._ask(
                "sign_up",
                Username=email,
                Password=password,
                UserAttributes=[{"Name": "email", "Value": email}],
            )
        except botocore.exceptions.ClientError as error:
            code = _code(error)
            if code == "UsernameExistsException":
                return False
            if code == "NotAuthorizedException":
                raise NotPermittedError from None
            raise _refused(error) from None
        return True

    async def confirm(self, email: str, code: str) -> str:
        """The subject of the user who is confirmed now. Raises WrongCredentialsError."""
        try:
            await self._ask("confirm_sign_up", Username=email, ConfirmationCode=code)
            found = await self._ask("admin_get_user", of_pool=True, Username=email)
        except botocore.exceptions.ClientError as error:
            raise _refused(error, _WRONG_CODE) from None
        return _attributes(found, "UserAttributes")["sub"]

    async def sign_in(self, email: str, password: str) -> SignedIn:
        """Raises WrongCredentialsError, SecondFactorError, NotPermittedError."""
        return await self._authenticate("USER_PASSWORD_AUTH", USERNAME=email, PASSWORD=password)

    async def refresh(self, token: str) -> SignedIn:
        """A new access token. Raises WrongCredentialsError."""
        return await self._authenticate("REFRESH_TOKEN_AUTH", REFRESH_TOKEN=token)

    async def sign_out(self, refresh_token: str) -> None:
        """No more access tokens come of this refresh token; one that is none any more is no error."""
        try:
            await self._ask("revoke_token", Token=refresh_token)
        except botocore.exceptions.ClientError as error:
            if _code(error) in _BUSY:
                raise BusyError from None

    async def user(self, subject: str) -> DirectoryUser:
        """Raises UnknownUserError."""
        found = await self._managed("admin_get_user", subject)
        return _user(found, "UserAttributes")

    async def users(self, token: str | None, limit: int) -> tuple[list[DirectoryUser], str | None]:
        """A page of users and the pool's token for the next. Raises ValueError for a token that is none."""
        more = {"PaginationToken": token} if token else {}
        try:
            found = await self._ask("list_users", of_pool=True, Limit=limit, **more)
        except botocore.exceptions.ClientError as error:
            if _code(error) == "InvalidParameterException":
                raise ValueError("no token of a page") from None
            raise _refused(error) from None
        return [_user(user, "Attributes") for user in found["Users"]], found.get("PaginationToken")

    async def roles(self, subject: str) -> list[str]:
        """Raises UnknownUserError."""
        found = await self._managed("admin_list_groups_for_user", subject)
        return sorted(group["GroupName"] for group in found["Groups"])

    async def set_roles(self, subject: str, roles: Collection[str]) -> None:
        """Raises UnknownUserError. Takes before it gives: in between, somebody has too little."""
        before = set(await self.roles(subject))
        for role in sorted(before - set(roles)):
            await self._managed("admin_remove_user_from_group", subject, GroupName=role)
        for role in sorted(set(roles) - before):
            await self._managed("admin_add_user_to_group", subject, GroupName=role)

    async def enable(self, subject: str, *, enabled: bool) -> None:
        """Who is disabled gets no more tokens. Raises UnknownUserError."""
        if enabled:
            await self._managed("admin_enable_user", subject)
            return
        await self._managed("admin_disable_user", subject)
        await self._managed("admin_user_global_sign_out", subject)

    async def erase(self, subject: str) -> bool:
        """Whether the pool knew the user."""
        try:
            await self._managed("admin_delete_user", subject)
        except UnknownUserError:
            return False
        return True

    async def _authenticate(self, flow: str, **parameters: str) -> SignedIn:
        try:
            found = await self._ask("initiate_auth", AuthFlow=flow, AuthParameters=parameters)
        except botocore.exceptions.ClientError as error:
            if _code(error) == "InvalidParameterException":
                raise NotPermittedError from None
            raise _refused(error, _WRONG) from None
        result = found.get("AuthenticationResult")
        if result is None:
            raise SecondFactorError(str(found.get("ChallengeName")))
        # From the pool itself just now: whoever shows it later has it verified.
        claims = jwt.decode(result["AccessToken"], options={"verify_signature": False})
        return SignedIn(
            result["AccessToken"],
            int(result["ExpiresIn"]),
            result.get("RefreshToken"),
            str(claims["sub"]),
            frozenset(claims.get("cognito:groups", ())),
        )

    async def _managed(self, operation: str, subject: str, **parameters: Any) -> dict[str, Any]:
        try:
            return await self._ask(operation, of_pool=True, Username=subject, **parameters)
        except botocore.exceptions.ClientError as error:
            raise _refused(error) from None

    async def _ask(self, operation: str, *, of_pool: bool = False, **parameters: Any) -> dict[str, Any]:
        """What the pool answers. Raises ClientError for an answer that says what was wrong with the call."""
        whose = {"UserPoolId": self._pool.id} if of_pool else {"ClientId": self._pool.client}
        call = functools.partial(self._call, operation, {**whose, **parameters})
        async with self._bulkhead.place():
            return await self.breaker.call(lambda: asyncio.to_thread(call))

    def _call(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        if self._client is None:
            self._client = boto3.client(
                "cognito-idp",
                region_name=self._pool.region,
                endpoint_url=self._endpoint,
                config=botocore.config.Config(
                    connect_timeout=TIMEOUT,
                    read_timeout=TIMEOUT,
                    max_pool_connections=_SIZE,
                    retries={"mode": "standard", "total_max_attempts": 2},
                ),
            )
        method: Callable[..., dict[str, Any]] = getattr(self._client, operation)
        try:
            return method(**parameters)
        except botocore.exceptions.ClientError as error:
            if error.response["ResponseMetadata"].get("HTTPStatusCode", 400) >= 500:
                raise DirectoryFailedError(f"{operation}: {_code(error)}") from None
            raise
        except botocore.exceptions.BotoCoreError as error:
            # Its text may hold the parameters, and those a password.
            raise DirectoryFailedError(f"{operation}: {type(error).__name__}") from None


def _code(error: botocore.exceptions.ClientError) -> str:
    return str(error.response["Error"]["Code"])


def _refused(error: botocore.exceptions.ClientError, wrong: frozenset[str] = frozenset()) -> Exception:
    """What the refusal means here."""
    code = _code(error)
    if code in wrong:
        return WrongCredentialsError(code)
    if code in _BUSY:
        return BusyError(code)
    if code == _UNKNOWN:
        return UnknownUserError(code)
    if code in {"InvalidPasswordException", "InvalidParameterException"}:
        return PasswordRefusedError(code)
    return DirectoryFailedError(code)


def _attributes(found: dict[str, Any], name: str) -> dict[str, str]:
    return {each["Name"]: each["Value"] for each in found.get(name, [])}


def _user(found: dict[str, Any], name: str) -> DirectoryUser:
    attributes = _attributes(found, name)
    return DirectoryUser(
        subject=attributes["sub"],
        email=attributes.get("email"),
        enabled=bool(found["Enabled"]),
        status=str(found["UserStatus"]),
        created_at=found["UserCreateDate"],
    )
