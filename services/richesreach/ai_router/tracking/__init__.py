"""What became of every request: for the books, for dashboards and for the next choice of a model."""

from richesreach.ai_router.tracking.model import Cached, Served

__all__ = ["Cached", "Served"]
