"""What a call ends with that was not worth making, or not worth waiting for."""


class DeadlineExceededError(Exception):
    """Nobody waits for this any more."""


class BulkheadFullError(Exception):
    """So many calls are under way or wait already that another one would only wait in vain."""


class CircuitOpenError(Exception):
    """The dependency is left alone now; `retry_after` is in seconds."""

    def __init__(self, dependency: str, retry_after: float) -> None:
        super().__init__(f"{dependency} is not called at the moment: it failed too often")
        self.dependency = dependency
        self.retry_after = retry_after


class NeighbourError(OSError):
    """A neighbour failed to do what it was asked."""


class NeighbourUnavailableError(NeighbourError):
    """A neighbour could not be reached, or did not get to the work."""
