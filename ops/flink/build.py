"""Builds the package: the same bytes on every machine, from the job's files and its jars."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from ops.flink.jars import fetched, listed
from stacks.flink.contents import ARCHIVE, JAR, JOB, MAIN, fingerprint, job_files
from stacks.yaml_file import ROOT

FOLDER = ROOT / ".local" / "flink"
#: The first moment that a zip file can tell; entries are stored as they are, for compressors differ.
EPOCH = (1980, 1, 1, 0, 0, 0)
_MANIFEST = "META-INF/MANIFEST.MF"
#: What belongs to one jar alone, and would be wrong in one that is made of several.
_DROPPED = (_MANIFEST, "META-INF/INDEX.LIST", "META-INF/maven/", "META-INF/versions/9/module-info.class")
_SIGNATURES = (".SF", ".RSA", ".DSA", ".EC")
#: Files of which each jar has its own, and all must stay.
_JOINED = ("META-INF/services/", "META-INF/LICENSE", "META-INF/NOTICE", "LICENSE", "NOTICE")


def build(folder: Path = FOLDER) -> Path:
    """The package's file. Raises OperationError where its jars cannot be had."""
    target = folder / f"{fingerprint()}.zip"
    if target.is_file():
        return target
    jars = fetched(listed())
    parts = {MAIN: (JOB / MAIN).read_bytes(), JAR: _zip(merged(jars)), ARCHIVE: _zip(_library())}
    folder.mkdir(parents=True, exist_ok=True)
    half = target.with_suffix(".part")
    half.write_bytes(_zip(parts))
    half.replace(target)
    return target


def _library() -> dict[str, bytes]:
    """The modules that the main function imports, by their names in their archive."""
    files = [file for file in job_files() if file.parent != JOB]
    return {file.relative_to(JOB).as_posix(): file.read_bytes() for file in files}


def merged(jars: Sequence[Path]) -> dict[str, bytes]:
    """One jar's entries out of several: the service takes one. Of two alike the first stays."""
    entries: dict[str, bytes] = {_MANIFEST: b"Manifest-Version: 1.0\r\n\r\n"}
    for jar in jars:
        for name, contents in _entries(jar):
            if name.startswith(_JOINED) and name in entries:
                entries[name] = b"\n".join([entries[name].rstrip(b"\n"), contents])
            else:
                entries.setdefault(name, contents)
    return entries


def _entries(jar: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(jar) as archive:
        for name in archive.namelist():
            signed = name.startswith("META-INF/") and name.endswith(_SIGNATURES)
            if not (name.endswith("/") or signed or name.startswith(_DROPPED) or name == "module-info.class"):
                yield name, archive.read(name)


def _zip(entries: Mapping[str, bytes]) -> bytes:
    """Entries in the order of their names, a jar's manifest first."""
    names: Iterable[str] = sorted(entries, key=lambda name: (name != _MANIFEST, name))
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED) as archive:
        for name in names:
            info = zipfile.ZipInfo(name, EPOCH)
            info.external_attr = 0o644 << 16
            archive.writestr(info, entries[name])
    return whole.getvalue()
