"""Vendors whose feeds come over lines and libraries of their own, under a contract: declared, never live.

Each has the contract of a source, so that it shows among them and says what it lacks, with or without a key.
"""

from collections.abc import AsyncGenerator, Sequence

from richesreach.core.limits.gcra import Tier
from richesreach.core.vendors.errors import SourceRefusedError
from richesreach.core.vendors.pace import Pace
from richesreach.market_data.model import About, Record
from richesreach.market_data.source import Reject


def _declared(name: str, licence: str, documentation: str, key_variable: str) -> About:
    return About(
        name=name,
        licence=licence,
        documentation=documentation,
        pace=Tier("declared", 1, 1, 1),
        key_variable=key_variable,
        lacks=f"declared only: {name} is delivered over its own software, under a contract",
    )


BLOOMBERG = _declared(
    "bloomberg",
    "bloomberg: by contract",
    "https://www.bloomberg.com/professional/support/api-library/",
    "BLOOMBERG_API_KEY",
)
REFINITIV = _declared("refinitiv", "lseg: by contract", "https://developers.lseg.com/", "REFINITIV_API_KEY")
SP_GLOBAL = _declared(
    "sp_global", "s&p global: by contract", "https://www.marketplace.spglobal.com/", "SP_GLOBAL_API_KEY"
)
DECLARED = (BLOOMBERG, REFINITIV, SP_GLOBAL)


class Declared:
    """A source that is not connected to its vendor."""

    def __init__(self, about: About) -> None:
        self._about = about

    @property
    def about(self) -> About:
        return self._about

    async def records(self, _pace: Pace, _reject: Reject) -> AsyncGenerator[Sequence[Record], None]:
        """Raises SourceRefusedError at once."""
        for _ in ():
            yield ()
        raise SourceRefusedError(self._about.lacks)
