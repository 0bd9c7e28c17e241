"""What a source may end with. No text of them holds an address or a key."""


class SourceError(Exception):
    """The connection to a vendor is over; another one may do better."""


class SourceLostError(SourceError):
    """It was cut, never stood, or says what nobody understands."""


class SourceThrottledError(SourceError):
    """The vendor asks for patience; `retry_after` is in seconds, 0 where it does not say how much."""

    def __init__(self, detail: str, retry_after: float = 0.0) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class SourceRefusedError(SourceError):
    """The vendor does not take the key, or its plan holds less than was asked: another try will not help."""
