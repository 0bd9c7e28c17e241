"""Tokens by which Amazon MSK knows a task's role: SASL OAUTHBEARER over a presigned request.

MSK takes as token the URL of the action `kafka-cluster:Connect` of the service `kafka-cluster`, presigned
with Signature Version 4 for at most 15 minutes, in base64 without padding ("IAM access control", Amazon MSK
Developer Guide). The project's own library for it asks the same of botocore, and brings boto3 and a command
line with it.
"""

import base64
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.session import Session

# Seconds.
LIFETIME = 900
_USER_AGENT = "richesreach"
Provider = Callable[[], Credentials | None]


class TokenSource:
    """librdkafka calls it in its polling thread when a token is missing, and at 80 % of its life.

    Credentials are those of the task's role; botocore renews them before they end.
    """

    def __init__(self, region: str, provider: Provider | None = None) -> None:
        self._region = region
        self._provider = provider or Session().get_credentials

    def __call__(self, _configuration: str = "") -> tuple[str, float]:
        """Token and the Unix time (seconds) of its end. Raises PermissionError without credentials."""
        credentials = self._provider()
        if credentials is None:
            raise PermissionError("no AWS credentials for the stream: the task has no role")
        url = self._presigned(credentials.get_frozen_credentials())
        token = base64.urlsafe_b64encode(f"{url}&User-Agent={_USER_AGENT}".encode()).rstrip(b"=").decode()
        return token, time.time() + _lifetime(url)

    def _presigned(self, credentials: Any) -> str:
        request = AWSRequest(
            "GET", f"https://kafka.{self._region}.amazonaws.com/?Action=kafka-cluster%3AConnect"
        )
        SigV4QueryAuth(credentials, "kafka-cluster", self._region, expires=LIFETIME).add_auth(request)
        url: str = request.url
        return url


def _lifetime(url: str) -> float:
    return float(parse_qs(urlsplit(url).query)["X-Amz-Expires"][0])
