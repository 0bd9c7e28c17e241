"""What `/metrics/` does while another process is half way through writing its own."""

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from richesreach.core import exposition

# The file of a counter of process 77, as the library names and writes it.
NAME = "counter_77.db"
KEY = mmap_key("richesreach_requests_total", "richesreach_requests_total", ("status",), ("200",), "Requests")


def written(folder: Path) -> bytes:
    """All that the process will have written in the end."""
    file = MmapedDict(str(folder / NAME))
    file.write_value(KEY, 3.0, 0.0)
    file.close()
    return (folder / NAME).read_bytes()


@pytest.mark.parametrize(
    "so_far",
    [
        pytest.param(lambda _whole: b"", id="made and still empty"),
        pytest.param(lambda whole: whole[:4] + b"\xff" * 4, id="cut within an entry"),
        pytest.param(lambda whole: struct.pack("i", 8192) + whole[4:], id="said to be longer than it is"),
    ],
)
def test_a_half_written_file_of_another_process_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, so_far: Callable[[bytes], bytes]
) -> None:
    monkeypatch.setenv(exposition.VARIABLE, str(tmp_path))
    whole = written(tmp_path)
    (tmp_path / NAME).write_bytes(so_far(whole))
    failed = []

    def read(registry: CollectorRegistry) -> bytes:
        try:
            return generate_latest(registry)
        except Exception as error:
            failed.append(error)
            (tmp_path / NAME).write_bytes(whole)  # the other process goes on
            raise

    monkeypatch.setattr(exposition, "generate_latest", read)
    text = exposition.exposition(CollectorRegistry()).decode()
    assert 'richesreach_requests_total{status="200"} 3.0' in text
    assert len(failed) == 1


def test_a_file_that_stays_broken_is_an_error_and_no_endless_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(exposition.VARIABLE, str(tmp_path))
    (tmp_path / NAME).write_bytes(b"")
    with pytest.raises(struct.error):
        exposition.exposition(CollectorRegistry())
