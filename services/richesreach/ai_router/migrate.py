"""`python -m richesreach.ai_router.migrate`: bring the AI router's tables to their newest form."""

from pathlib import Path

from richesreach.ai_router.erasure import register
from richesreach.core.migration import run

MIGRATIONS = Path(__file__).parent / "migrations"


if __name__ == "__main__":
    run(MIGRATIONS, register)
