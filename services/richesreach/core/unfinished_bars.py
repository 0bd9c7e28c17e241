"""The newest bars that the database does not have yet, made of the smaller ones that it has.

The stream says a bar once it is over, and none of a quarter of an hour or of a day: what goes on now, and
what nobody has written, is the sum of its parts.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: $1 symbols, $2 interval, $3 its length, $4 the interval of the parts, $5 the earliest beginning.
#: `last_part` is the beginning of the newest.
MADE = """
    select made.* from unnest($1::text[]) as wanted (symbol) cross join lateral (
        select symbol, $2::text as interval, date_bin($3, opened_at, 'epoch') as opened_at,
            (array_agg(open order by opened_at))[1] as open, max(high) as high, min(low) as low,
            (array_agg(close order by opened_at desc))[1] as close, sum(volume) as volume,
            max(source) as source, max(opened_at) as last_part
        from market_bars
        where market_bars.symbol = wanted.symbol and interval = $4 and opened_at >= greatest($5, (
            select max(opened_at) + $3 from market_bars whole
            where whole.symbol = wanted.symbol and whole.interval = $2 and whole.opened_at >= $5
        ))
        group by symbol, date_bin($3, opened_at, 'epoch')
    ) made
"""


@dataclass(frozen=True, slots=True)
class Parts:
    """Of what a bar of `length` is made: bars of `interval`, which is `part` long. `count` bars back."""

    interval: str
    part: timedelta
    length: timedelta
    count: int

    def since(self, now: datetime) -> datetime:
        """The beginning of the earliest bar: of none is a part left out."""
        return _EPOCH + ((now - _EPOCH) // self.length - self.count + 1) * self.length


_MINUTE, _FIVE = timedelta(minutes=1), timedelta(minutes=5)
#: Bars of a minute have no parts. Of a quarter of an hour nobody writes any, so that all are made.
PARTS = {
    "5m": Parts("1m", _MINUTE, _FIVE, 3),
    "15m": Parts("5m", _FIVE, timedelta(minutes=15), 100),
    "1h": Parts("1m", _MINUTE, timedelta(hours=1), 3),
    "1d": Parts("5m", _FIVE, timedelta(days=1), 3),
}
