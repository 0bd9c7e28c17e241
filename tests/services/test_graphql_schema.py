"""The published schema: that of the code, and never one that breaks its clients unsaid."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "services" / "graphql"))

import published

BEFORE = published.current()


def test_the_published_schema_is_that_of_the_code() -> None:
    assert published.PUBLISHED.read_text(encoding="utf-8") == BEFORE, "run make graphql-schema"


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        ("  totalTrades: Int!\n", "", "PerformanceMetrics.totalTrades was removed"),
        ("  totalTrades: Int!\n", "  totalTrades: Float!\n", "PerformanceMetrics.totalTrades changed type"),
        ("  currentPrice: Float!\n", "  currentPrice: Float\n", "Symbol.currentPrice changed type"),
        ("symbol(name: String!)", "symbol(name: String!, venue: String!)", "required argument"),
        ("  HOLD\n", "", "HOLD was removed"),
    ],
)
def test_what_breaks_a_client_is_told(was: str, becomes: str, told: str) -> None:
    assert was in BEFORE
    (line,) = published.breaking(BEFORE, BEFORE.replace(was, becomes, 1))
    assert told.lower() in line.lower()


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("  currentPrice: Float!\n", "  currentPrice: Float!\n  venue: String\n"),
        ("symbol(name: String!)", "symbol(name: String!, venue: String)"),
        ("type PricePoint {", "type New { id: ID! }\n\ntype PricePoint {"),
    ],
)
def test_what_only_adds_breaks_nobody(was: str, becomes: str) -> None:
    assert published.breaking(BEFORE, BEFORE.replace(was, becomes, 1)) == []


def test_a_breaking_schema_is_not_published_unsaid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    older = tmp_path / "schema.graphql"
    older.write_text(BEFORE.replace("type Engine {", "type Engine {\n  owner: String!", 1))
    monkeypatch.setattr(published, "PUBLISHED", older)
    assert published.main([]) == 1
    assert "Engine.owner was removed" in capsys.readouterr().err
    assert "owner" in older.read_text()
    assert published.main(["--accept-breaking"]) == 0
    assert older.read_text() == BEFORE
