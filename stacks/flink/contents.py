"""What the job's package is made of, known without having it.

Its name is a hash of the job's own files and of the committed checksums of its jars, so that a synth needs
neither jars nor network; whoever deploys builds it (``ops/flink``), and the CDK's CLI uploads it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from stacks.yaml_file import ROOT

JOB = ROOT / "services" / "flink" / "job"
#: Coordinates and SHA-256 of every jar, one a line.
JARS = ROOT / "services" / "flink" / "jars.txt"

#: Where in the package the service finds the main function, the one jar that it takes, and the modules.
MAIN, JAR, ARCHIVE = "main.py", "lib/connectors.jar", "lib/bars.zip"


def job_files(folder: Path = JOB) -> list[Path]:
    """The job's own files, in the order of their names."""
    return sorted(folder.rglob("*.py"))


def fingerprint(folder: Path = JOB, jars: Path = JARS) -> str:
    """SHA-256 over the names and contents of everything that the package is made of."""
    whole = hashlib.sha256()
    for file in [*job_files(folder), jars]:
        name = file.name if file == jars else file.relative_to(folder).as_posix()
        contents = hashlib.sha256(file.read_bytes()).hexdigest()
        whole.update(f"{contents}  {name}\n".encode())
    return whole.hexdigest()
