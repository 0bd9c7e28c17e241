"""The views as data, for programs that have not our libraries: `python -m richesreach.features.catalogue`.

It writes `services/feast/catalogue.json`, of which the Feast registry is made; `--check` only says whether
what is committed is what the views make, and exits with 1.
"""

import json
import sys
from pathlib import Path
from typing import Any

from richesreach.features.views import VIEWS

COMMITTED = Path(__file__).parents[2] / "feast" / "catalogue.json"


def catalogue() -> list[dict[str, Any]]:
    return [
        {
            "name": view.name,
            "entity": view.entity,
            "meaning": view.meaning,
            "ttl_seconds": view.ttl,
            "live": view.live,
            "layout": f"{view.layout.number:016x}",
            "features": [
                {"name": one.name, "unit": one.unit, "meaning": one.meaning} for one in view.features
            ],
        }
        for view in VIEWS
    ]


def text() -> str:
    return json.dumps(catalogue(), indent=1, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    if arguments == ["--check"]:
        if COMMITTED.read_text(encoding="utf-8") == text():
            return 0
        print(f"{COMMITTED.name} is not what the views make: make feature-catalogue", file=sys.stderr)  # noqa: T201
        return 1
    COMMITTED.write_text(text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
