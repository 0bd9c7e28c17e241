"""`python -m stream_task`: the service `stream` with its snapshots in the folder that DRILL_FOLDER names.

All else is the service's own; on the platform the lake is in that folder's place.
"""

import os
from pathlib import Path

from fastapi import FastAPI
from richesreach.core.server import run
from richesreach.core.settings import Settings
from richesreach.stream.app import create_app
from richesreach.stream.snapshot_store import LakeSnapshots


class Folder:
    """Objects as files, each there as a whole or not at all."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def names(self, prefix: str, most: int) -> list[str]:
        found = (file.relative_to(self._path).as_posix() for file in self._path.rglob("*") if file.is_file())
        return sorted(name for name in found if name.startswith(prefix) and not name.endswith(".new"))[:most]

    def read(self, name: str) -> bytes:
        return (self._path / name).read_bytes()

    def write(self, name: str, value: bytes) -> None:
        file = self._path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        beside = file.with_name(f"{file.name}.{os.getpid()}.new")
        beside.write_bytes(value)
        beside.replace(file)


def create(settings: Settings) -> FastAPI:
    return create_app(settings, LakeSnapshots(Folder(Path(os.environ["DRILL_FOLDER"])), settings.region))


if __name__ == "__main__":
    run(create)
