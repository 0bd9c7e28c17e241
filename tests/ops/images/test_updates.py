"""A security update of Debian that an image lacks fails it. The lines are as apt 3.0 prints them."""

from __future__ import annotations

import pytest

from ops.errors import OperationError
from ops.images import updates
from ops.images.engine import Engine
from tests.ops.images.conftest import Script

SECURITY = "Inst libssl3t64 [3.5.1-1] (3.5.1-1+deb13u1 Debian-Security:13/stable-security [amd64])"
POINT_RELEASE = "Inst base-files [13.8] (13.8+deb13u1 Debian:13.1/stable [amd64])"
BOTH = "Inst zlib1g [1.3-1] (1.3-2 Debian:13.1/stable, Debian-Security:13/stable-security [amd64])"
CONFIGURED = "Conf libssl3t64 (3.5.1-1+deb13u1 Debian-Security:13/stable-security [amd64])"


def engine(script: Script, *lines: str) -> Engine:
    return Engine(str(script("docker", *lines)), own=True)


def test_package_with_a_security_update_is_named_with_both_versions() -> None:
    assert updates.pending("\n".join([POINT_RELEASE, SECURITY, CONFIGURED])) == [
        "libssl3t64 3.5.1-1 (mended in 3.5.1-1+deb13u1)"
    ]


def test_update_that_a_point_release_took_in_counts_too() -> None:
    assert updates.pending(BOTH) == ["zlib1g 1.3-1 (mended in 1.3-2)"]


def test_other_updates_are_no_vulnerability() -> None:
    assert updates.pending(POINT_RELEASE) == []


def test_image_that_lacks_an_update_fails(script: Script) -> None:
    with pytest.raises(OperationError, match=r"security updates wait for libssl3t64 3\.5\.1-1 .*newer base"):
        updates.check(engine(script, f"echo '{SECURITY}'"), "richesreach/gateway")


def test_image_that_lacks_none_passes(script: Script) -> None:
    updates.check(engine(script, f"echo '{POINT_RELEASE}'"), "richesreach/gateway")


def test_lists_that_cannot_be_read_are_no_good_news(script: Script) -> None:
    failing = engine(script, "echo 'E: Failed to fetch' >&2", "exit 100")
    with pytest.raises(OperationError, match=r"cannot be read \(E: Failed to fetch\).*AUDIT=offline"):
        updates.check(failing, "richesreach/gateway")
