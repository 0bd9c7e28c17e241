"""The bill of materials names every part in a way that others can look up."""

from __future__ import annotations

from dataclasses import replace

from ops.images.contents import Library, Package
from ops.images.sbom import compose
from tests.ops.images.test_contents import GOOD

CONTENTS = replace(
    GOOD,
    libraries=(
        Library("typing_extensions", "4.15.0", "PSF-2.0", ()),
        Library("redis", "6.4.0", None, ("MIT License", "MIT License")),
    ),
    packages=(Package("libssl3t64", "3.5.1-1+deb13u1", "amd64", "openssl"),),
)


def test_bill_lists_libraries_packages_and_the_system_that_they_are_of() -> None:
    bill = compose("gateway", CONTENTS)
    found = [part.get("purl", part["name"]) for part in bill["components"]]
    assert found == [
        "debian",
        "pkg:pypi/typing-extensions@4.15.0",
        "pkg:pypi/redis@6.4.0",
        "pkg:deb/debian/libssl3t64@3.5.1-1%2Bdeb13u1?arch=amd64&distro=debian-13.1&upstream=openssl",
    ]


def test_licence_is_an_expression_where_the_library_gives_one_and_else_what_it_calls_it() -> None:
    _, one, other, _ = compose("gateway", CONTENTS)["components"]
    assert one["licenses"] == [{"expression": "PSF-2.0"}]
    assert other["licenses"] == [{"license": {"name": "MIT License"}}]


def test_every_part_belongs_to_the_image() -> None:
    bill = compose("gateway", CONTENTS)
    (whole,) = bill["dependencies"]
    assert whole["ref"] == bill["metadata"]["component"]["bom-ref"]
    assert whole["dependsOn"] == sorted(part["bom-ref"] for part in bill["components"])


def test_same_image_has_the_same_bill_and_another_image_another_number() -> None:
    assert compose("gateway", CONTENTS) == compose("gateway", CONTENTS)
    other = compose("gateway", replace(CONTENTS, digest="sha256:2"))
    assert other["serialNumber"] != compose("gateway", CONTENTS)["serialNumber"]
