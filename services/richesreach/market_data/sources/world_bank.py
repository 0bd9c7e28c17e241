"""World Bank: figures of its ESG data by country and year, over REST; a source of readings, not of prices.

`GET /v2/country/US;DE/indicator/EN.GHG.CO2.PC.CE.AR5?format=json&source=75&mrnev=1&per_page=1000`, as in
https://datahelpdesk.worldbank.org/knowledgebase/articles/898581-api-basic-call-structures, answers a list of
two: `{"page":1,"pages":1,…}` and the figures, `{"countryiso3code":"USA","date":"2023","value":13.8,…}`, whose
value may be null; or a list with one `{"message":[…]}`. No key is needed. Source 75 is the ESG data.
`mrnev=1` asks for the newest year that has a figure, which the reading then bears: its last second.
"""

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
from yarl import URL

from richesreach.core.limits.gcra import Tier
from richesreach.market_data.model import About, Reading, Record
from richesreach.market_data.normalise import SECOND, UnfitError, decimal_of
from richesreach.market_data.sources.polling import Polling, Question
from richesreach.market_data.sources.reading import Frames

ABOUT = About(
    name="world_bank",
    licence="CC BY 4.0",
    documentation="https://datahelpdesk.worldbank.org/knowledgebase/articles/898581-api-basic-call-structures",
    # The figures change a few times a year.
    pace=Tier("world_bank", 24, 86_400, 24),
)
ENDPOINT = URL("https://api.worldbank.org/v2")
# As they are asked for, and as they are answered.
COUNTRIES = {
    "US": "USA", "CN": "CHN", "JP": "JPN", "DE": "DEU", "GB": "GBR",
    "FR": "FRA", "IN": "IND", "BR": "BRA", "CA": "CAN", "AU": "AUS",
}  # fmt: skip
# Emissions by head, renewable energy's share, the rule of law, women in parliament.
INDICATORS = ("EN.GHG.CO2.PC.CE.AR5", "EG.FEC.RNEW.ZS", "RL.EST", "SG.GEN.PARL.ZS")
_YEAR = re.compile(r"19[6-9][0-9]|2[01][0-9]{2}")


class _Figure(msgspec.Struct):
    countryiso3code: str
    date: str
    value: Decimal | None = None


class WorldBank(Polling):
    def __init__(
        self,
        countries: Mapping[str, str] = COUNTRIES,
        indicators: Iterable[str] = INDICATORS,
        endpoint: URL = ENDPOINT,
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        """`countries`: their three letters by their two; `now` in Unix nanoseconds."""
        asked, self._countries = ";".join(countries), frozenset(countries.values())
        params = {"format": "json", "source": "75", "mrnev": "1", "per_page": "1000"}
        questions = [
            Question(endpoint / "country" / asked / "indicator" / indicator, params, indicator)
            for indicator in indicators
        ]
        super().__init__(ABOUT, questions, _Figure)
        self._now = now
        self._said: dict[tuple[str, str], tuple[str, Decimal]] = {}

    def understood(self, question: Question, body: bytes, frames: Frames[Any]) -> Sequence[Record]:
        try:
            _, figures = msgspec.json.decode(body, type=tuple[msgspec.Raw, msgspec.Raw])
        except msgspec.DecodeError as error:
            frames.undecodable(error, body)
            return ()
        found: list[Record] = []
        for figure in frames.items(figures):
            if figure.value is None:
                continue
            try:
                reading = self._reading(question.about, figure, figure.value)
            except UnfitError as error:
                frames.refused(error, figure)
                continue
            key, said = (reading.subject, reading.name), (figure.date, figure.value)
            if self._said.get(key) != said:
                self._said[key] = said
                found.append(reading)
        return found

    def _reading(self, indicator: str, figure: _Figure, value: Decimal) -> Reading:
        if _YEAR.fullmatch(figure.date) is None:
            raise UnfitError(f"date {figure.date[:40]!r} is no year")
        if figure.countryiso3code not in self._countries:
            raise UnfitError(f"country {figure.countryiso3code[:40]!r} was not asked for")
        end = datetime(int(figure.date), 12, 31, 23, 59, 59, tzinfo=UTC)
        return Reading(
            source=ABOUT.name,
            licence=ABOUT.licence,
            subject=figure.countryiso3code,
            name=indicator,
            value=decimal_of(value),
            happened=int(end.timestamp()) * SECOND,
            received=self._now(),
        )
