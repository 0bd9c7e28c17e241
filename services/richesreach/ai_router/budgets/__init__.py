"""Budgets: what an organisation, its teams and their keys may spend, and what each request takes of it."""

from richesreach.ai_router.budgets.model import (
    Budget,
    BudgetExhaustedError,
    BudgetsUnavailableError,
    Period,
    Reservation,
    Scope,
    Standing,
)

__all__ = [
    "Budget",
    "BudgetExhaustedError",
    "BudgetsUnavailableError",
    "Period",
    "Reservation",
    "Scope",
    "Standing",
]
