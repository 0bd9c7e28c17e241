"""Accepted findings of the policy packs, by area: one line an area that has any."""

from __future__ import annotations

from collections.abc import Mapping

import stacks.datalake.acknowledged as datalake
import stacks.delivery.acknowledged as delivery
import stacks.ecs.acknowledged as ecs
import stacks.edge.acknowledged as edge
import stacks.flink.acknowledged as flink
import stacks.global_db.acknowledged as global_db
import stacks.lake_catalogue.acknowledged as lake_catalogue
import stacks.lake_replication.acknowledged as lake_replication
import stacks.monitoring.acknowledged as monitoring
import stacks.network.acknowledged as network
import stacks.peering.acknowledged as peering
import stacks.rotation.acknowledged as rotation
import stacks.security.acknowledged as security
import stacks.service_secrets.acknowledged as service_secrets
import stacks.streaming.acknowledged as streaming
from stacks.acknowledgements import Acknowledged

ACKNOWLEDGED: Mapping[str, tuple[Acknowledged, ...]] = {
    "network": network.ACKNOWLEDGED,
    "peering": peering.ACKNOWLEDGED,
    "datalake": datalake.ACKNOWLEDGED,
    "monitoring": monitoring.ACKNOWLEDGED,
    "monitoring-global": monitoring.GLOBAL_ACKNOWLEDGED,
    "global-db": global_db.ACKNOWLEDGED,
    "rotation": rotation.ACKNOWLEDGED,
    "streaming": streaming.ACKNOWLEDGED,
    "flink": flink.ACKNOWLEDGED,
    "flink-state": flink.STATE_ACKNOWLEDGED,
    "ecs": ecs.ACKNOWLEDGED,
    "edge": edge.ACKNOWLEDGED,
    "lake-catalogue": lake_catalogue.ACKNOWLEDGED,
    "lake-replication": lake_replication.ACKNOWLEDGED,
    "boundary": security.BOUNDARY,
    "delivery": delivery.ACKNOWLEDGED,
    "security": security.ACKNOWLEDGED,
    "security-state": security.STATE_ACKNOWLEDGED,
    "service-secrets": service_secrets.ACKNOWLEDGED,
    "edge-state": edge.STATE_ACKNOWLEDGED,
}
