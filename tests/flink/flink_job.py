"""Runs the package as the service would: unpacked, on a mini-cluster, over what a broker holds."""

import json
import os
import subprocess
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-flink" / "bin" / "python"
#: A hang is told of; the machine is shared, and a start takes its time.
PATIENCE = 1500


def packaged() -> Path:
    """The package, built where it is not there yet."""
    done = subprocess.run(
        [ROOT / ".venv" / "bin" / "python", "-m", "ops.flink"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


def run(folder: Path, endpoint: str) -> None:
    """From the beginning of the topic to its end as it is now; fails with what the job said."""
    with zipfile.ZipFile(packaged()) as package:
        package.extractall(folder)
    properties = folder / "application_properties.json"
    own = {
        "brokers": endpoint,
        "security": "plaintext",
        "group": "flink",
        "parallelism": "2",
        "jars": str(folder / "lib" / "connectors.jar"),
        "scan": json.dumps({"scan.startup.mode": "earliest-offset", "scan.bounded.mode": "latest-offset"}),
    }
    properties.write_text(json.dumps([{"PropertyGroupId": "stream", "PropertyMap": own}]))
    output = folder / "output"
    with output.open("wb") as written:
        done = subprocess.run(
            ["nice", "-n", "10", str(PYTHON), str(folder / "main.py"), str(properties)],
            env={
                **os.environ,
                "PATH": f"{PYTHON.parent}{os.pathsep}{os.environ['PATH']}",
                "PYTHONPATH": str(folder / "lib" / "bars.zip"),
                "JVM_ARGS": "-Xmx1g",
            },
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=written,
            timeout=PATIENCE,
            check=False,
        )
    assert done.returncode == 0, output.read_text(errors="replace")[-6000:]
