"""``richesreach status``: what runs, and whether all of it serves."""

from __future__ import annotations

import dataclasses
import json

from rich.console import Console

from ops.errors import OperationError
from ops.local import daemon, paths, readiness, state, tables
from stacks.environment import load_environment


def status(console: Console, *, as_json: bool) -> int:
    """Prints the state; 0 when everything serves, 1 when something does not.

    Raises:
        OperationError: nothing runs.
    """
    if daemon.running() is None:
        raise OperationError("nothing runs; start the platform with `make up`")
    published = state.read(paths.STATE_FILE)
    missing = readiness.unready(load_environment("local"), published)
    if not missing and not readiness.edge_answers():
        missing = [f"the edge does not answer at {readiness.edge_url()}"]
    if as_json:
        document = dataclasses.asdict(published) | {"unready": missing}
        console.print(json.dumps(document, indent=2), markup=False, soft_wrap=True)
        return 1 if missing else 0
    tables.processes(console, published)
    tables.edge(console)
    for sentence in missing:
        console.print(f"✗ {sentence}", style="red", markup=False, soft_wrap=True)
    if not missing:
        console.print(f"everything serves: {readiness.edge_url()}", style="green")
    return 1 if missing else 0
