"""The same small platform on a server of its own; see tests/ops/deploy."""

from __future__ import annotations

from tests.ops.deploy.conftest import bootstrapped, first, site, synthesise

__all__ = ["bootstrapped", "first", "site", "synthesise"]
