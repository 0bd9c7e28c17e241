"""What the edge tells other processes: `run/edge.json`, written when it changed."""

import asyncio
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ops.local.edge.front import Front

DRAINED = "drained"
"""The KeyValueStore's key that holds the drained regions, separated by commas."""

INTERVAL = 2.0
"""Seconds between looks at whether something changed."""


def drained(stores: Iterable[Mapping[str, str]]) -> list[str]:
    """The regions that are drained."""
    flags = ",".join(store.get(DRAINED, "") for store in stores).split(",")
    return sorted({flag.strip() for flag in flags if flag.strip()})


def facts(front: Front) -> dict[str, Any]:
    """Everything that the file holds."""
    return {
        **front.statistics.report(),
        "cache": {"objects": len(front.cache), "bytes": front.cache.bytes},
        "drained": drained(front.deployed.stores.values()),
        "firewall": front.firewall.report(),
    }


async def keep(file: Path, front: Front) -> None:
    """Keep the file as things are, whole or not at all, until cancelled."""
    written = ""
    while True:
        text = json.dumps(facts(front), indent=1)
        if text != written:
            file.parent.mkdir(parents=True, exist_ok=True)
            temporary = file.with_suffix(f".{os.getpid()}.tmp")
            temporary.write_text(text)
            temporary.replace(file)
            written = text
        await asyncio.sleep(INTERVAL)
