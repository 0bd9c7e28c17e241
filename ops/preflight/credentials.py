"""Whose account the checks ask: none at all is an answer, a bad one is an error."""

from __future__ import annotations

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
)

from ops import account
from ops.errors import OperationError
from ops.local import aws


def caller(environment: str) -> str | None:
    """Account number of the caller's credentials; None where there are none.

    Raises:
        OperationError: they are expired or wrong, or the local AWS does not run.
    """
    if environment == account.LOCAL:
        return _local()
    try:
        return account.asked(environment)
    except NoCredentialsError:
        return None
    except ClientError as error:
        code = error.response["Error"]["Code"]
        what = "have expired" if code in account.EXPIRED else f"are refused ({code})"
        raise OperationError(f"the AWS credentials {what}; sign in again, e.g. `aws sso login`") from None
    except BotoCoreError as error:
        raise OperationError(f"the AWS credentials cannot be used: {error}") from None


def _local() -> str:
    try:
        return account.asked(account.LOCAL)
    except EndpointConnectionError:
        raise OperationError(
            f"no local AWS answers on {aws.endpoint()}; start it with `make up`, or name another --env"
        ) from None
    except (BotoCoreError, ClientError) as error:
        raise OperationError(f"the local AWS does not answer: {error}") from None
