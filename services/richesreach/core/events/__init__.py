"""The platform's stream: typed messages over Kafka."""

from richesreach.core.events.client import Events
from richesreach.core.events.errors import EventRefusedError, PoisonError, StreamUnavailableError
from richesreach.core.events.tailing import Tail

__all__ = ["EventRefusedError", "Events", "PoisonError", "StreamUnavailableError", "Tail"]
