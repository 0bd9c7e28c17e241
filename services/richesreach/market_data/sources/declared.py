"""Vendors whose feeds come over lines and libraries of their own, under a contract: declared, never live.

Each has the contract of a source, so that it shows among them and says what it lacks, with or without a key.
"""

from collections.abc import AsyncGenerator, Sequence

from richesreach.core.limits.gcra import Tier
from richesreach.market_data.errors import SourceRefusedError
from richesreach.market_data.model import About, Record
from richesreach.market_data.pace import Pace
from richesreach.market_data.source import Reject

_NONE = Tier("declared", 1, 1, 1)
BLOOMBERG = About(
    name="bloomberg",
    licence="bloomberg: by contract",
    documentation="https://www.bloomberg.com/professional/support/api-library/",
    pace=_NONE,
    key_variable="BLOOMBERG_API_KEY",
)
REFINITIV = About(
    name="refinitiv",
    licence="lseg: by contract",
    documentation="https://developers.lseg.com/",
    pace=_NONE,
    key_variable="REFINITIV_API_KEY",
)
SP_GLOBAL = About(
    name="sp_global",
    licence="s&p global: by contract",
    documentation="https://www.marketplace.spglobal.com/",
    pace=_NONE,
    key_variable="SP_GLOBAL_API_KEY",
)
DECLARED = (BLOOMBERG, REFINITIV, SP_GLOBAL)


class Declared:
    """A source that is not connected to its vendor."""

    def __init__(self, about: About) -> None:
        self._about = about

    @property
    def about(self) -> About:
        return self._about

    @property
    def why(self) -> str:
        return f"declared only: {self._about.name} is delivered over its own software, under a contract"

    async def records(self, _pace: Pace, _reject: Reject) -> AsyncGenerator[Sequence[Record], None]:
        raise SourceRefusedError(self.why)
        yield ()
