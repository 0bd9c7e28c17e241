"""Why a caller was not believed, in words that help the honest and tell nobody else anything."""

from richesreach.core.problems import Problem

REALM = 'Bearer realm="richesreach"'


class RefusedCredentialError(Exception):
    """The credential is not accepted.

    `reason` is one of a few words for metrics and logs, the text is fit for the bearer. Neither holds
    anything of the credential.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class KeysUnavailableError(Exception):
    """The issuer's keys cannot be had, and none are known from earlier."""


class DirectoryUnavailableError(Exception):
    """Whether an API key is known can be asked nowhere at the moment."""


def nobody(detail: str = "This needs a bearer token or an API key.") -> Problem:
    """401 for a request without a credential: RFC 6750, 3.1 wants no error code then."""
    return Problem(401, "unauthenticated", detail, headers={"www-authenticate": REALM})


def refused(error: RefusedCredentialError) -> Problem:
    challenge = f'{REALM}, error="invalid_token"'
    return Problem(401, "unauthenticated", str(error), headers={"www-authenticate": challenge})


def forbidden(detail: str) -> Problem:
    challenge = f'{REALM}, error="insufficient_scope"'
    return Problem(403, "forbidden", detail, headers={"www-authenticate": challenge})


def cannot_verify() -> Problem:
    detail = "Who calls cannot be verified at the moment. Try again in a few seconds."
    return Problem(503, "identity-unavailable", detail, headers={"retry-after": "5"})
