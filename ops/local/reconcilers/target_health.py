"""Health of targets, as the load balancer processes write it."""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class TargetState:
    """State of one target: initial, healthy, unhealthy or draining; the load balancer's reason."""

    state: str
    reason: str = ""


class TargetHealth:
    """Every target of a region's load balancers, read once a pass."""

    def __init__(self, run: Path, region: str) -> None:
        self._targets: dict[tuple[str, str, int], TargetState] = {}
        for path in sorted(run.glob(f"targets-{region}-*.json")):
            self._read(path)

    def _read(self, path: Path) -> None:
        try:
            groups = json.loads(path.read_text())
            for group, targets in groups.items():
                for target in targets:
                    key = (group, str(target["id"]), int(target["port"]))
                    self._targets[key] = TargetState(str(target["state"]), str(target.get("reason") or ""))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            # The file belongs to another process; what cannot be read now is read in the next pass.
            return

    def of(self, group: str, address: str, port: int) -> TargetState | None:
        """A target's state; None while the load balancer does not know it."""
        return self._targets.get((group, address, port))
