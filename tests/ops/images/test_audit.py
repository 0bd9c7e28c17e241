"""An image passes the audit only where every library was looked up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ops.errors import OperationError
from ops.images import audit
from ops.images.contents import Library
from tests.ops.images.conftest import Script

LIBRARIES = (Library("redis", "6.4.0", None, ()),)
CLEAN = {"dependencies": [{"name": "redis", "version": "6.4.0", "vulns": []}]}
SKIPPED = {"dependencies": [{"name": "redis", "skip_reason": "not found"}]}
VULNERABLE = {
    "dependencies": [
        {"name": "redis", "version": "6.4.0", "vulns": [{"id": "CVE-2099-1", "fix_versions": ["6.4.1"]}]}
    ]
}


@pytest.fixture
def answers(script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Lets pip-audit print a report for each source; none is a source that is not reached."""

    def give(**reports: Any) -> None:
        for source, report in reports.items():
            (tmp_path / f"{source}.json").write_text(json.dumps(report))
        tool = script(
            "tool", f'while [ "$1" != --vulnerability-service ]; do shift; done; cat {tmp_path}/$2.json'
        )
        monkeypatch.setattr(audit, "TOOLS_PYTHON", tool)

    return give


def test_image_without_a_known_vulnerability_passes_with_the_source_that_said_so(
    answers: Any, tmp_path: Path
) -> None:
    answers(pypi=CLEAN)
    assert audit.audit(LIBRARIES, tmp_path) == "pypi"


def test_exactly_what_is_installed_is_asked_about(answers: Any, tmp_path: Path) -> None:
    answers(pypi=CLEAN)
    audit.audit(LIBRARIES, tmp_path)
    assert (tmp_path / "installed.txt").read_text() == "redis==6.4.0\n"


def test_known_vulnerability_is_named_with_the_version_that_mends_it(answers: Any, tmp_path: Path) -> None:
    answers(pypi=VULNERABLE)
    with pytest.raises(OperationError, match=r"redis 6\.4\.0 has CVE-2099-1, mended in 6\.4\.1"):
        audit.audit(LIBRARIES, tmp_path)


def test_library_that_the_first_source_does_not_know_is_looked_up_in_the_next(
    answers: Any, tmp_path: Path
) -> None:
    answers(pypi=SKIPPED, osv=CLEAN)
    assert audit.audit(LIBRARIES, tmp_path) == "osv"


def test_audit_that_could_not_be_made_is_none(answers: Any, tmp_path: Path) -> None:
    answers(pypi=SKIPPED)
    with pytest.raises(OperationError, match=r"knows nothing of redis; osv does not answer.*AUDIT=offline"):
        audit.audit(LIBRARIES, tmp_path)
