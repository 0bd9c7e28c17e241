"""The services of the market, one of each a process."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from richesreach.gateway.market.alerts import Alerts
from richesreach.gateway.market.service import Market
from richesreach.gateway.market.watchlists import Watchlists


@dataclass(frozen=True, slots=True)
class Domain:
    market: Market
    watchlists: Watchlists
    alerts: Alerts


def domain_of(connection: HTTPConnection) -> Domain:
    domain: Domain = connection.app.state.domain
    return domain


CurrentDomain = Annotated[Domain, Depends(domain_of)]
