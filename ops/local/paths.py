"""Where the local platform keeps its files.

Everything it writes is under one folder, `.local/` in the repository (or RICHESREACH_STATE_DIR, which lets a
test run beside a running platform). Read once, at import: one process serves one platform.
"""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STATE = Path(os.environ.get("RICHESREACH_STATE_DIR") or ROOT / ".local").resolve()
RUN = STATE / "run"
LOGS = STATE / "logs"
DATA = STATE / "data"

PYTHON = ROOT / ".venv" / "bin" / "python"
LOCAL_PYTHON = ROOT / ".venv-local" / "bin" / "python"
SERVICES_PYTHON = ROOT / ".venv-services" / "bin" / "python"

STATE_FILE = RUN / "state.json"
PID_FILE = RUN / "supervisor.pid"
LOAD_BALANCERS_FILE = RUN / "load-balancers.json"
CONNECT_FILE = RUN / "connect.json"
EDGE_FILE = RUN / "edge.json"


def targets_file(region: str, load_balancer: str) -> Path:
    """The file in which one load balancer process keeps the health of its targets."""
    return RUN / f"targets-{region}-{load_balancer}.json"


def create() -> None:
    """Make the folders; safe to repeat."""
    for folder in (RUN, LOGS, DATA):
        folder.mkdir(parents=True, exist_ok=True)
