"""`make policy`: what the policy packs and tools find in prod, what of it is accepted, and why."""

from __future__ import annotations

import os

from stacks.node import NODE

# jsii takes whatever `node` is on the PATH; this is the one that the lock pins.
os.environ.setdefault("JSII_NODE", str(NODE))
