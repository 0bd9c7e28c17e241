"""`.venv-feast/bin/python services/feast/apply.py [--materialise HOURS]`: write the registry to Postgres.

FEAST_HOST, FEAST_PORT, FEAST_DATABASE, FEAST_USER, FEAST_PASSWORD and FEAST_SSLMODE say where. With
`--materialise` the rows of the last hours go to Feast's own online store, for those who read by its SDK.
"""

import argparse
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from feast import FeatureStore

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from repository import ENTITIES, FEATURE_VIEWS  # noqa: E402

NEEDED = ("HOST", "PORT", "DATABASE", "USER", "PASSWORD", "SSLMODE")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--materialise", type=int, metavar="HOURS")
    arguments = parser.parse_args()
    missing = [f"FEAST_{name}" for name in NEEDED if not os.environ.get(f"FEAST_{name}")]
    if missing:
        names = ", ".join(missing)
        print(f"error: {names} must be set; docs/feature-store.md tells to what", file=sys.stderr)  # noqa: T201
        return 2
    store = FeatureStore(repo_path=str(HERE))
    store.apply([*ENTITIES.values(), *FEATURE_VIEWS])
    if arguments.materialise:
        now = datetime.now(UTC)
        store.materialize(now - timedelta(hours=arguments.materialise), now)
    print(f"{len(FEATURE_VIEWS)} views in the registry")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
