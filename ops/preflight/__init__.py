"""What must hold before an environment is deployed; ``run`` is the engine of ``richesreach preflight``."""

from ops.preflight.engine import run
from ops.preflight.result import Result, Verdict, failures

__all__ = ["Result", "Verdict", "failures", "run"]
