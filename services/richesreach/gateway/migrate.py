"""`python -m richesreach.gateway.migrate`: bring the gateway's tables to their newest form."""

from pathlib import Path

from richesreach.core.migration import run

MIGRATIONS = Path(__file__).parent / "migrations"

if __name__ == "__main__":
    run(MIGRATIONS)
