"""What services/Dockerfile says about itself: the values of the arguments before its stages, and its pins."""

from __future__ import annotations

import re
from pathlib import Path

from ops.errors import OperationError
from ops.images.places import DOCKERFILE


def argument(name: str, dockerfile: Path = DOCKERFILE) -> str:
    """Default of the first ``ARG name=…``.

    Raises:
        OperationError: there is none.
    """
    found = re.search(rf"^ARG {name}=(\S+)$", dockerfile.read_text(), re.MULTILINE)
    if found is None:
        raise OperationError(f"{dockerfile.name} has no `ARG {name}=…`; add it")
    return found[1]
