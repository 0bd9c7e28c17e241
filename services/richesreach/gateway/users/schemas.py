"""What the routes of users and keys take and answer."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from richesreach.core.auth.roles import SCOPES

Role = Literal["viewer", "trader", "admin", "service"]
Scope = Annotated[str, StringConstraints(pattern=f"^({'|'.join(sorted(SCOPES))})$")]
KeyId = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{12}$")]
Subject = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9:_-]{1,128}$")]
Email = Annotated[str, StringConstraints(pattern=r"^[^\s@\x00]{1,64}@[^\s@\x00]{1,180}\.[^\s@\x00]{2,63}$")]
# Not what a password must be, which the user pool says, but what may be sent to it.
Password = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^\S(.*\S)?$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]*$")]
DAY = 86_400


def _number(value: object) -> object:
    """Of a body: JSON tells numbers from texts and from `true`, which Python counts as 1."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("is no number")  # noqa: TRY004 (what was sent, not an argument)
    return value


# `2.0` is a whole number to JSON Schema, and is taken for one.
Whole = Annotated[int, BeforeValidator(_number)]
Share = Annotated[float, BeforeValidator(_number)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewKey(Body):
    """Without `roles`, the caller's; `scopes` narrow what those allow; without `expires_in_days`, it lives
    until it is revoked."""

    name: Name
    roles: Annotated[list[Role], Field(min_length=1, max_length=4)] | None = None
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=64)] | None = None
    expires_in_days: Annotated[Whole, Field(ge=1, le=730)] | None = None


class KeyTier(Body):
    """Null: the tier of every key."""

    tier: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")] | None


class Rotation(Body):
    """For how long the secret before counts on, in seconds."""

    overlap_seconds: Annotated[Whole, Field(ge=0, le=7 * DAY)] = DAY


class IssuedKey(BaseModel):
    """`key` is told this once."""

    id: str
    key: str
    roles: list[str]
    scopes: list[str] | None
    expires_at: datetime | None
    previous_until: datetime | None


class ListedKey(BaseModel):
    id: str
    name: str
    roles: list[str]
    scopes: list[str] | None
    tier: str | None
    created_at: datetime
    rotated_at: datetime | None
    previous_until: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_on: date | None


class KeyList(BaseModel):
    keys: list[ListedKey]


class Me(BaseModel):
    subject: str
    kind: Literal["user", "key", "service"]
    roles: list[str]
    scopes: list[str]
    key_id: str | None


class SignUp(Body):
    email: Email
    password: Password


class Confirmation(Body):
    email: Email
    code: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z-]{1,64}$")]


class Refresh(Body):
    refresh_token: Annotated[str, StringConstraints(min_length=1, max_length=8192, pattern=r"^[!-~]+$")]


class Tokens(BaseModel):
    """As RFC 6749 5.1 names them; `expires_in` in seconds."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 (its kind)
    expires_in: int
    refresh_token: str | None = None


class Accepted(BaseModel):
    detail: str


class User(BaseModel):
    subject: str
    email: str | None
    enabled: bool
    status: str
    created_at: datetime


class UserWithRoles(User):
    roles: list[str]


class UserPage(BaseModel):
    users: list[User]
    next: str | None


class Roles(Body):
    roles: Annotated[list[Role], Field(max_length=4)]


class ChangedRoles(BaseModel):
    roles: list[str]
    revoked_keys: int


class Erased(BaseModel):
    """Rows by table, and whether the user pool knew the user."""

    rows: dict[str, int]
    in_user_pool: bool


class AuditQuery(Body):
    """`cursor` is the `next` of the page before."""

    cursor: Annotated[str, StringConstraints(min_length=1, max_length=128)] | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    actor: Annotated[str, StringConstraints(max_length=128, pattern=r"^[^\x00]+$")] | None = None
    target: Annotated[str, StringConstraints(max_length=160, pattern=r"^[^\x00]+$")] | None = None
    action: Annotated[str, StringConstraints(max_length=64, pattern=r"^[a-z_.]+$")] | None = None


class Event(BaseModel):
    id: int
    at: datetime
    actor: str
    action: str
    target: str
    details: dict[str, Any]
    request_id: str
    region: str


class EventPage(BaseModel):
    events: list[Event]
    next: str | None
