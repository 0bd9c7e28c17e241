"""The cache: values in the process (L1) and in the region's servers (L2), loaded once, dropped everywhere."""

from richesreach.core.cache.client import Cache
from richesreach.core.cache.codec import Format
from richesreach.core.cache.kinds import KINDS, Kind
from richesreach.core.cache.nodes import CacheNode, CacheUnavailableError, Nodes

__all__ = ["KINDS", "Cache", "CacheNode", "CacheUnavailableError", "Format", "Kind", "Nodes"]
