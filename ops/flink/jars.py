"""The job's jars: named with their checksums in ``services/flink/jars.txt``, fetched by Maven."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from ops.errors import OperationError
from stacks.flink.contents import JARS
from stacks.yaml_file import ROOT

FOLDER = ROOT / ".local" / "flink" / "jars"
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_LINE = re.compile(r"^([0-9a-f]{64})  ([\w.-]+):([\w.-]+):([\w.-]+)(?::([\w-]+))?$")


@dataclass(frozen=True)
class Jar:
    """One artefact of Maven Central, and the SHA-256 of its file."""

    sha256: str
    group: str
    artifact: str
    version: str
    classifier: str = ""

    @property
    def file(self) -> str:
        return "-".join(filter(None, (self.artifact, self.version, self.classifier))) + ".jar"

    @property
    def dependency(self) -> str:
        """As a POM names it, without what it depends on itself."""
        parts = {
            "groupId": self.group,
            "artifactId": self.artifact,
            "version": self.version,
            "classifier": self.classifier,
        }
        named = "".join(f"<{key}>{escape(value)}</{key}>" for key, value in parts.items() if value)
        alone = "<exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion>"
        return f"<dependency>{named}<exclusions>{alone}</exclusions></dependency>"


def listed(file: Path = JARS) -> list[Jar]:
    """The jars of the list, in its order. Raises OperationError for a line that is none."""
    jars = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        if not line or line.startswith("#"):
            continue
        found = _LINE.match(line)
        if found is None:
            raise OperationError(
                f"{file.name}:{number} is no `<sha256>  <group>:<artifact>:<version>[:<classifier>]`: {line}"
            )
        jars.append(Jar(*(part or "" for part in found.groups())))
    return jars


def fetched(jars: Sequence[Jar], folder: Path = FOLDER) -> list[Path]:
    """Their files, verified. Raises OperationError where one cannot be had or is another."""
    missing = [jar for jar in jars if not (folder / jar.file).is_file()]
    if missing:
        _fetch(missing, folder)
    for jar in jars:
        file = folder / jar.file
        found = hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "no file"
        if found != jar.sha256:
            file.unlink(missing_ok=True)
            raise OperationError(
                f"{jar.file} is not what services/flink/jars.txt says: {found} in place of {jar.sha256};"
                " it is removed. A version that was changed on purpose needs its new checksum there"
            )
    return [folder / jar.file for jar in jars]


def _fetch(jars: Sequence[Jar], folder: Path) -> None:
    """By Maven, which knows the mirrors that the machine is set up with."""
    maven = shutil.which("mvn")
    if maven is None:
        raise OperationError(
            "Maven is missing, which fetches the jars of the Flink job; on Debian, apt-get install maven"
        )
    folder.mkdir(parents=True, exist_ok=True)
    pom, log = folder / "pom.xml", folder / "maven.log"
    dependencies = "".join(jar.dependency for jar in jars)
    pom.write_text(
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        "<groupId>richesreach</groupId><artifactId>flink</artifactId><version>1</version>"
        f"<packaging>pom</packaging><dependencies>{dependencies}</dependencies></project>",
        encoding="utf-8",
    )
    options = ["--batch-mode", "--quiet", "--file", str(pom), COPY, f"-DoutputDirectory={folder}"]
    with log.open("wb") as output:
        done = subprocess.run(
            [maven, *options], stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
        )
    if done.returncode != 0:
        lines = [line for line in log.read_text(errors="replace").splitlines() if "ERROR" in line]
        raise OperationError(
            f"Maven could not fetch the jars of the Flink job ({(lines or ['no reason given'])[0][:200]})."
            " Where Maven Central is not reached, name a mirror in ~/.m2/settings.xml"
        )
