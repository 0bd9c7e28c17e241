"""What must not be in an image, and what must."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ops.images.contents import LABELS, Contents, Package, faults, packages

GOOD = Contents(
    digest="sha256:1",
    size=1,
    configuration={"User": "10001:10001", "Volumes": {"/scratch": {}}, "Labels": dict.fromkeys(LABELS, "x")},
    release="13.1",
    libraries=(),
    packages=(),
    hooks=(),
    tools=(),
    user=10001,
    groups=(10001,),
)


def test_image_as_the_dockerfile_makes_it_has_no_fault() -> None:
    assert faults(GOOD, ["/scratch"]) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hooks": ("/venv/lib/x.pth",)}, "/venv/lib/x.pth runs code at every start of Python"),
        ({"tools": ("pip", "gcc")}, "pip, gcc can build or install"),
        ({"user": 0}, "its user is root"),
        ({"groups": (0, 10001)}, "of root's group"),
    ],
)
def test_what_must_not_be_there_is_named(change: dict[str, Any], said: str) -> None:
    (fault,) = faults(replace(GOOD, **change), ["/scratch"])
    assert said in fault


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"User": "richesreach"}, "USER is a name"),
        ({"Volumes": None}, "no VOLUME /scratch"),
        ({"Healthcheck": {"Test": ["CMD", "true"]}}, "HEALTHCHECK"),
        ({"StopSignal": "SIGKILL"}, "STOPSIGNAL"),
        ({"Labels": dict.fromkeys(LABELS[1:], "x")}, f"the label {LABELS[0]} is missing"),
    ],
)
def test_configuration_that_ecs_would_stumble_over_is_named(change: dict[str, Any], said: str) -> None:
    (fault,) = faults(replace(GOOD, configuration=GOOD.configuration | change), ["/scratch"])
    assert said in fault


def test_packages_of_debian_keep_the_name_that_security_notices_use() -> None:
    listed = "libssl3t64\t3.5.1-1\tamd64\topenssl\nbash\t5.2.37-2\tamd64\tbash\n"
    assert list(packages(listed)) == [
        Package("libssl3t64", "3.5.1-1", "amd64", "openssl"),
        Package("bash", "5.2.37-2", "amd64", "bash"),
    ]
