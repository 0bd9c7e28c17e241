"""Stand-ins for programs that a test must not run: small scripts that print what they were asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Script = Callable[..., Path]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Makes an executable `name` below the test's folder, of the given lines of shell."""

    def make(name: str, *lines: str) -> Path:
        place = tmp_path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("\n".join(["#!/bin/sh", *lines, ""]))
        place.chmod(0o755)
        return place

    return make
