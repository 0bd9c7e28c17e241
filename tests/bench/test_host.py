"""How much of the processors the host took while something was measured."""

from __future__ import annotations

from pathlib import Path

from tests.bench.host import Host
from tests.bench.report import table


def said(user: int, idle: int, stolen: int) -> str:
    return f"cpu  {user} 0 0 {idle} 0 0 0 {stolen} 0 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n"


def test_the_share_is_of_what_was_asked_for_since_the_beginning(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text(said(user=1000, idle=5000, stolen=500))
    host = Host(stat)
    stat.write_text(said(user=1300, idle=9000, stolen=600))
    assert host.taken() == 0.25


def test_nothing_is_said_where_the_kernel_says_nothing(tmp_path: Path) -> None:
    assert Host(tmp_path / "missing").taken() is None
    (tmp_path / "old").write_text("cpu  1 2 3 4\n")
    assert Host(tmp_path / "old").taken() is None


def test_nothing_asked_for_is_no_share(tmp_path: Path) -> None:
    (tmp_path / "stat").write_text(said(user=1, idle=2, stolen=3))
    assert Host(tmp_path / "stat").taken() is None


def test_the_table_says_what_the_host_took() -> None:
    machine = {"cores": 2, "architecture": "x86_64", "python": "3.11.0", "load_average": 0.1}
    assert "the host" not in table([], machine)
    assert "took 21 % of the processor time" in table([], machine | {"taken_by_host": 0.213})
