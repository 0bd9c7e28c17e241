"""What may be wrong with a question about the market, in the domain's own words."""


class MarketError(Exception):
    """`kind` is a stable slug, `status` the HTTP status of the problem that it becomes."""

    kind = "market-error"
    status = 400


class UnknownError(MarketError):
    """Nothing has this name or id, or it is somebody else's: the two look alike on purpose."""

    status = 404

    def __init__(self, what: str, name: str) -> None:
        super().__init__(f"No {what} {name[:64]!r} is known.")
        self.kind = f"unknown-{what}"


class InvalidError(MarketError):
    """A value that the market cannot take; the text says which and what it should be."""

    kind = "invalid-request"
    status = 422


class CursorError(InvalidError):
    kind = "invalid-cursor"

    def __init__(self) -> None:
        super().__init__("The cursor is none of this list: begin without one, or take one from an answer.")


class ConflictError(MarketError):
    """What exists stands against it."""

    kind = "conflict"
    status = 409


class KeyReusedError(ConflictError):
    kind = "idempotency-key-reused"

    def __init__(self) -> None:
        super().__init__("This idempotency key was used for another request: take a new key.")


class LimitReachedError(ConflictError):
    kind = "limit-reached"
