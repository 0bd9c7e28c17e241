"""What of this machine the build alone may know."""

from __future__ import annotations

import os
from pathlib import Path

from ops.images import installer

LISTED = """\
:env:.cert='/etc/ssl/own.pem'
global.index-url='https://packages.example/simple'
global.timeout='60'
install.trusted-host='packages.example'
"""


def test_build_finds_packages_where_this_machine_does_and_takes_nothing_else_of_its_settings() -> None:
    assert installer.configuration(LISTED).splitlines() == [
        "[global]",
        "cert = /build-host/certificates.pem",
        "index-url = https://packages.example/simple",
        "trusted-host = packages.example",
    ]


def test_certificates_are_those_that_pip_here_verifies_with(tmp_path: Path) -> None:
    own, other = tmp_path / "own.pem", tmp_path / "other.pem"
    own.touch()
    other.touch()
    assert installer.certificates({"SSL_CERT_FILE": str(other), "PIP_CERT": str(own)}) == own


def test_certificates_that_are_named_but_missing_are_passed_over(tmp_path: Path) -> None:
    found = installer.certificates({"PIP_CERT": str(tmp_path / "gone.pem")})
    assert found in {installer.SYSTEM_CERTIFICATES, Path(os.devnull)}
