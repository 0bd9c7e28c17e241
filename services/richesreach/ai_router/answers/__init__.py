"""Answers given before: the same request of the same tenant is answered again without a provider."""

from richesreach.ai_router.answers.model import Match, Stored

__all__ = ["Match", "Stored"]
