"""What cannot be asked of features, said as a problem."""

from richesreach.core.problems import Problem


def refused(detail: str) -> Problem:
    return Problem(422, "invalid-request", detail)


def unknown(what: str, name: str) -> Problem:
    return Problem(404, f"unknown-{what}", f"No {what} {name[:80]!r} is known.")


def unavailable() -> Problem:
    return Problem(
        503,
        "features-unavailable",
        "The cache that holds the newest features does not answer at the moment. Try again in a second.",
        headers={"retry-after": "1"},
    )
