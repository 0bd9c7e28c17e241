"""What an image is built of, and what a failed build says."""

from __future__ import annotations

from pathlib import Path

from ops.images import build
from ops.images.trust import Bundle

BUNDLE = Bundle(Path("/x/rds.pem"), "ab" * 32, genuine=True)


def test_build_takes_the_certificates_and_their_checksum_together() -> None:
    recipe = build.Recipe("market-data", "base:1", "installer:1", BUNDLE, "abc")
    arguments = recipe.arguments
    assert "RDS_CA_BUNDLE=certificates/rds.pem" in arguments
    assert f"RDS_CA_SHA256={BUNDLE.sha256}" in arguments
    assert "BUILD_BASE=installer:1" in arguments
    assert arguments[-3:-1] == ["--tag", "richesreach/market-data"]


def test_context_is_a_copy_so_that_nothing_comes_beside_the_sources(tmp_path: Path) -> None:
    services, bundle = tmp_path / "services", tmp_path / "bundle.pem"
    (services / "richesreach" / "__pycache__").mkdir(parents=True)
    for name in (*build.SOURCES, "richesreach/__init__.py", "richesreach/__pycache__/x.pyc", "mypy.ini"):
        (services / name).write_text(name)
    bundle.write_text("certificates")
    before = sorted(services.rglob("*"))
    build.context(Bundle(bundle, "", genuine=False), tmp_path / "context", services)
    copied = {str(path.relative_to(tmp_path / "context")) for path in (tmp_path / "context").rglob("*")}
    assert sorted(services.rglob("*")) == before
    assert copied == {
        *build.SOURCES,
        "richesreach",
        "richesreach/__init__.py",
        "certificates",
        "certificates/bundle.pem",
    }


def test_failed_build_is_told_by_its_reason_and_not_by_the_step_that_failed() -> None:
    log = """\
#12 [build 5/7] RUN found="$(find)"; echo "unexpected .pth files: $found" >&2; exit 1; fi
#12 0.301 unexpected .pth files: /files/venv/lib/x.pth
#12 ERROR: process did not complete successfully: exit code: 1
failed to solve: exit code: 1
"""
    assert build.reason(log) == "unexpected .pth files: /files/venv/lib/x.pth"


def test_build_that_wrote_nothing_known_is_told_by_its_last_line() -> None:
    assert build.reason("one\ncannot connect\n\n") == "cannot connect"
