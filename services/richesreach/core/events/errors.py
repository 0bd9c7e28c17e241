"""What publishing and consuming may end with."""


class StreamUnavailableError(OSError):
    """The broker did not acknowledge in time, or cannot be reached. The message may or may not be there."""


class EventRefusedError(Exception):
    """This message will never be taken: too large, of the wrong kind, or not allowed on the topic."""


class PoisonError(Exception):
    """Raised by a handler: no further try will help, so the message goes to the dead letters at once."""
