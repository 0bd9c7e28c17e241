"""The published state: written at once, read whatever is in the file."""

from pathlib import Path

from ops.local import state
from ops.local.state import LocalAws, ProcessState, ServiceState, State, Supervisor


def test_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    written = State(
        supervisor=Supervisor(7, "2026-01-01T00:00:00+00:00"),
        local_aws=LocalAws("http://127.0.0.1:4566", "running"),
        processes=(ProcessState("edge", "edge", port=8080, pid=8, status="running"),),
        services=(ServiceState("us-east-1", "c", "gateway", desired=1, reason="why"),),
    )
    state.write(tmp_path / "state.json", written)
    assert state.read(tmp_path / "state.json") == written


def test_missing_file_is_an_empty_state(tmp_path: Path) -> None:
    assert state.read(tmp_path / "absent.json") == State()


def test_half_a_file_is_an_empty_state(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text('{"supervisor": {"pi')
    assert state.read(tmp_path / "state.json") == State()


def test_unknown_keys_and_broken_entries_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    edge = '{"name": "edge", "kind": "edge", "new": 2}'
    path.write_text(f'{{"new": 1, "processes": [{edge}, {{"kind": "task"}}, 3]}}')
    assert state.read(path).processes == (ProcessState("edge", "edge"),)


def test_writing_leaves_no_other_file(tmp_path: Path) -> None:
    state.write(tmp_path / "state.json", State())
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]
