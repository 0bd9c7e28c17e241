"""The one line that says why a child ended."""

from __future__ import annotations

import json
from pathlib import Path

from ops.local.log_tail import last_error


def test_list_of_problems_is_part_of_the_reason(tmp_path: Path) -> None:
    log = tmp_path / "task.log"
    record = {"event": "settings_wrong", "problems": ["DATABASE_PASSWORD is missing: set it"]}
    log.write_text(json.dumps(record) + "\n")
    assert "DATABASE_PASSWORD is missing" in last_error(log, 0, frozenset())
