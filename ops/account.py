"""Whose AWS a command speaks to: the caller's own account, or for ``local`` the local AWS alone."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from ops.errors import OperationError
from ops.local import aws

LOCAL = "local"

#: Codes by which services say that credentials are no longer good.
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})


def client(environment: str, service: str, region: str, config: Any = None) -> Any:
    """A boto3 client; whatever the caller's profile says, that of ``local`` never leaves the machine."""
    if environment == LOCAL:
        return aws.client(service, region)
    return boto3.client(service, region_name=region, config=config)


def asked(environment: str) -> str:
    """The account as STS gives it, with botocore's errors; of ``local`` the local AWS is asked."""
    return str(client(environment, "sts", "us-east-1").get_caller_identity()["Account"])


def of_caller(environment: str) -> str:
    """The account of the caller's credentials; the placeholder of synth is never deployed to.

    Raises:
        OperationError: there are no usable credentials.
    """
    if environment == LOCAL:
        return aws.ACCOUNT
    try:
        return asked(environment)
    except (BotoCoreError, ClientError) as error:
        raise OperationError(
            f"no usable AWS credentials ({error}); sign in, e.g. `aws sso login`, and set AWS_PROFILE"
        ) from None
