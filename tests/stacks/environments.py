"""Environments of the matrix: prod as committed, and variants of it made from its own document."""

from __future__ import annotations

import copy
import datetime
from pathlib import Path
from typing import Any

import yaml

from stacks.environment import ENVIRONMENTS, Environment, load_environment
from stacks.regions import REGIONS

Document = dict[str, Any]


def document(name: str = "prod") -> Document:
    """The committed file, parsed; a fresh copy at each call."""
    loaded: Document = yaml.safe_load((ENVIRONMENTS / f"{name}.yaml").read_text(encoding="utf-8"))
    return loaded


def put(source: Document, path: str, value: object) -> Document:
    """A copy of `source` with the key at the dotted `path` set, or removed where `value` is `...`."""
    changed = copy.deepcopy(source)
    *parents, last = path.split(".")
    section = changed
    for part in parents:
        section = section[part]
    if value is ...:
        del section[last]
    else:
        section[last] = value
    return changed


def region(number: int, code: str, zones: int = 2) -> Document:
    """A region's section; `number` chooses its network."""
    return {
        "cidr": f"10.{number}.0.0/16",
        "availability_zones": [f"{code}{letter}" for letter in "abcdef"[:zones]],
        "joined": datetime.date(2026, 3, 1),
    }


def single_region() -> Document:
    """Prod in one region that is not us-east-1, so that DNS and edge stand alone there; imported zone; no
    way out but the endpoints."""
    contents = put(document(), "lake.replication.destinations", [])
    contents = put(contents, "streaming.brokers_per_zone", 2)  # three copies in two zones
    return put(contents, "network.nat_gateways", "none") | {
        "telemetry": None,  # its collector's image is in a public registry
        "home_region": "eu-central-1",
        "writer_region": "eu-central-1",
        "permitted_regions": ["eu-central-1"],
        "data_regions": ["eu-central-1"],
        "promotable_regions": ["eu-central-1"],
        "datastore_regions": ["eu-central-1"],
        "regions": {"eu-central-1": region(40, "eu-central-1") | {"cidr": "10.40.0.0/20"}},
        "hosted_zone_id": "Z0123456789ABCDEFGHIJ",
    }


def twelve_regions() -> Document:
    """Prod in as many regions as are taken: eleven with data, three with the datastore."""
    codes = ["us-east-1", *sorted(set(REGIONS) - {"us-east-1"})[:11]]
    contents = put(document(), "lake.replication.destinations", codes[:3])
    # Not every one of them has the log of a Flink application as a resource.
    return put(contents, "streaming.flink", None) | {
        "permitted_regions": codes,
        "regions": {code: region(number, code, 3) for number, code in enumerate(codes, start=10)},
        "data_regions": codes[:11],
        "promotable_regions": codes[:11],
        "datastore_regions": codes[:3],
    }


def write(folder: Path, contents: Document, name: str = "prod") -> Path:
    """Writes `contents` as the file of environment `name`."""
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(contents, sort_keys=False), encoding="utf-8")
    return path


def read(folder: Path, contents: Document, name: str = "prod") -> Environment:
    """What the platform makes of `contents`: through a file, as its user gives it."""
    write(folder, contents, name)
    return load_environment(name, folder)
