"""What must hold before a deployment holds on the platform that has just been deployed."""

from __future__ import annotations

import json

from ops.preflight.engine import CHECKS
from tests.acceptance.client import richesreach


def test_nothing_stands_in_the_way_of_deploying_again() -> None:
    done = richesreach("preflight", "--env", "local", "--format", "json")
    results = json.loads(done.stdout)
    assert [each for each in results if each["verdict"] != "ok"] == []
    assert {each["check"] for each in results} == {check.name for check in CHECKS}
    assert done.returncode == 0
