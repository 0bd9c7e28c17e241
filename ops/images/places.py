"""Where `richesreach images` keeps its files: all below one folder, which `make clean` removes."""

from __future__ import annotations

from pathlib import Path

from ops.local.paths import ROOT, STATE

IMAGES = STATE / "images"
SERVICES = ROOT / "services"
DOCKERFILE = SERVICES / "Dockerfile"

#: Environment with pip-audit and the schema of CycloneDX, of ops/images/requirements.txt.
TOOLS_PYTHON = ROOT / ".venv-images" / "bin" / "python"

SCRATCH = IMAGES / "scratch"
CONTEXT = IMAGES / "context"
LOCK = IMAGES / "lock"


def build_log(service: str) -> Path:
    return IMAGES / f"{service}.build.log"
