"""What is committed for the Feast registry is what the views make."""

from pathlib import Path

import pytest
from richesreach.features import catalogue


def test_the_committed_catalogue_is_what_the_views_make() -> None:
    assert catalogue.COMMITTED.read_text(encoding="utf-8") == catalogue.text()
    assert catalogue.main(["--check"]) == 0


def test_a_catalogue_that_is_not_is_told_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = tmp_path / "catalogue.json"
    changed.write_text(catalogue.text().replace("rsi_14_1m", "rsi_15_1m"), encoding="utf-8")
    monkeypatch.setattr(catalogue, "COMMITTED", changed)
    assert catalogue.main(["--check"]) == 1
    assert "make feature-catalogue" in capsys.readouterr().err
    assert catalogue.main([]) == 0
    assert catalogue.main(["--check"]) == 0
