"""`python -m richesreach.features.migrate`: bring the features' tables to their newest form."""

from pathlib import Path

from richesreach.core.migration import run

MIGRATIONS = Path(__file__).parent / "migrations"


if __name__ == "__main__":
    run(MIGRATIONS)
