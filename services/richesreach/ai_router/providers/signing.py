"""Who signs a request to Bedrock: an API key, or AWS credentials by Signature Version 4."""

import asyncio

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as AwsCredentials
from botocore.credentials import RefreshableCredentials

from richesreach.ai_router.model import Failure, ProviderError


class Signer:
    """An empty secret stands for the task's own role, whose credentials botocore finds and renews."""

    def __init__(self, provider: str, region: str) -> None:
        self._provider = provider
        self._region = region
        self._session = botocore.session.Session()
        self._found: AwsCredentials | RefreshableCredentials | None = None

    async def headers(self, url: str, body: bytes, secret: str, request_id: str) -> dict[str, str]:
        """All headers of the request. Raises ProviderError UNAUTHENTICATED where there are no credentials."""
        headers = {"content-type": "application/json", "x-request-id": request_id}
        if secret:
            return headers | {"authorization": f"Bearer {secret}"}
        request = AWSRequest("POST", url, headers=headers, data=body)
        SigV4Auth(await self._credentials(), "bedrock", self._region).add_auth(request)
        return {name.lower(): str(value) for name, value in request.headers.items()}

    async def _credentials(self) -> object:
        """Frozen, so that key and token are of one renewal."""
        found = self._found
        if found is None:
            # Asks the container's endpoint, and waits for it.
            found = self._found = await asyncio.to_thread(self._session.get_credentials)
        if found is None:
            detail = "the task has no AWS credentials, and no API key is set"
            raise ProviderError(Failure.UNAUTHENTICATED, self._provider, detail)
        if isinstance(found, RefreshableCredentials) and found.refresh_needed():
            return await asyncio.to_thread(found.get_frozen_credentials)
        return found.get_frozen_credentials()
