"""Move the writer of a database from one server to another, as the RDS API has decided.

Switchover: the old primary ends in order, which ships all of its log; the target applies it and is promoted,
and no acknowledged row is lost. Failover: the old primary is cut off, the target promoted with what it has.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping

from ops.local.process import ProcessError
from ops.local.reconcilers.aurora_topology import Instance
from ops.local.reconcilers.postgres import PostgresServer

STREAM_SECONDS = 10.0
SHUTDOWN_SECONDS = 15.0
REPLAY_SECONDS = 15.0

logger = logging.getLogger(__name__)


def hand_over(servers: Iterable[PostgresServer], writer: PostgresServer, lossy: bool) -> None:
    """Make `writer` the only primary; nothing to do when it is.

    Raises ProcessError when a switchover cannot be done without loss: the old primary then writes on.
    """
    former = [s for s in servers if s.exists and s.follows is None and s is not writer]
    if not writer.exists:
        if former:
            # The target is a new instance: it becomes a replica first, and takes over in a later pass.
            writer.clone(former[0].peer)
            writer.start()
        return
    if writer.follows is not None:
        old = former[0] if former else None
        if old is not None and not lossy and old.ready:
            _ship_everything(old, writer)
        elif old is not None:
            old.stop(lossy=True)
        logger.info("%s: promoted", writer.spec.name)
        writer.promote()
    for server in former:
        logger.info("%s: becomes a replica of %s", server.spec.name, writer.spec.name)
        server.stop()
        server.rewind(writer.peer)


def _ship_everything(old: PostgresServer, target: PostgresServer) -> None:
    """Stop the old primary once the target streams, and wait until the target has applied its last record."""
    _until(lambda: target.spec.name in old.streaming(), STREAM_SECONDS, f"{target.spec.name} does not stream")
    old.stop(grace=SHUTDOWN_SECONDS)
    try:
        end = old.end_of_log()
        _until(
            lambda: target.has_replayed(end), REPLAY_SECONDS, f"{target.spec.name} did not receive everything"
        )
    except ProcessError:
        old.start()
        raise


def settle(servers: Iterable[PostgresServer], writer: PostgresServer, specs: Mapping[str, Instance]) -> None:
    """Give every server its addresses and its peer, and start those that this or a hand-over has stopped.

    Two servers of a cluster may swap addresses, so all that change theirs are stopped before any takes one;
    the writer starts first.
    """
    existing = sorted((s for s in servers if s.exists), key=lambda s: s is not writer)
    for server in reversed(existing):
        if specs[server.spec.key].listen != server.spec.listen:
            logger.info("%s: takes other addresses", server.spec.name)
            server.stop()
    for server in existing:
        server.configure(specs[server.spec.key], None if server is writer else writer.peer)
        if not server.keeper.wanted:
            server.start()
    for server in servers:
        if not server.exists:
            server.spec = specs[server.spec.key]


def _until(condition: Callable[[], bool], seconds: float, failure: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise ProcessError(f"{failure} after {seconds:.0f} s")
        time.sleep(0.05)
