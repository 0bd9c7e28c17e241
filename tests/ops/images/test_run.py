"""The command is refused before anything is built."""

from __future__ import annotations

import pytest
from rich.console import Console

from ops.errors import UsageError
from ops.images import run
from stacks.manifest import load_manifests


def test_service_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(UsageError, match=r"'gatway' is no service; choose one of .*gateway"):
        run.chosen(load_manifests(), ["gatway"])


def test_without_a_name_every_service_is_built() -> None:
    assert run.chosen(load_manifests(), []) == list(load_manifests())


def test_audit_is_left_out_only_where_that_is_said() -> None:
    with pytest.raises(UsageError, match="--audit 'no' is none of online, offline"):
        run.images(Console(), [], "no")
