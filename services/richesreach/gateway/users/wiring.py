"""What the routes of users work with."""

from typing import Annotated

from fastapi import Depends, FastAPI
from starlette.requests import HTTPConnection

from richesreach.core.app import CurrentPlatform, Platform
from richesreach.core.problems import Problem
from richesreach.gateway.users import errors
from richesreach.gateway.users.directory import UserDirectory
from richesreach.gateway.users.key_store import KeyStore
from richesreach.gateway.users.keys import Keys
from richesreach.gateway.users.service import Users
from richesreach.gateway.users.user_store import UserStore


def install(app: FastAPI) -> None:
    """One directory for the life of the application: its circuit remembers."""
    platform: Platform = app.state.platform
    pool, settings = platform.settings.user_pool, platform.settings
    app.state.directory = UserDirectory(pool, settings.aws_endpoint, platform.metrics) if pool else None
    errors.install(app)


def keys_of(platform: CurrentPlatform) -> Keys:
    return Keys(KeyStore(platform.database), platform.keys)


CurrentKeys = Annotated[Keys, Depends(keys_of)]


def users_of(connection: HTTPConnection, platform: CurrentPlatform, keys: CurrentKeys) -> Users:
    directory: UserDirectory | None = connection.app.state.directory
    if directory is None:
        raise Problem(503, "no-user-pool", "This environment has no user pool.")
    return Users(directory, UserStore(platform.database), keys, platform.revoked_users)


CurrentUsers = Annotated[Users, Depends(users_of)]
