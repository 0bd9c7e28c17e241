"""One source's ticks of a symbol are published, and another's when it is unwell."""

from richesreach.market_data.model import Trade
from richesreach.market_data.running.choice import Choice


class Wells:
    """Which sources are well."""

    def __init__(self, *names: str) -> None:
        self.names = set(names)

    def __call__(self, name: str) -> bool:
        return name in self.names


def trade(happened: int, symbol: str = "AAPL") -> Trade:
    return Trade(symbol, "XNAS", 100, 1, happened)


CARRIERS = {"AAPL": ["massive", "finnhub"], "BTC-USD": ["finnhub"]}


def test_the_preferred_source_that_is_well_is_published_alone() -> None:
    choice = Choice(CARRIERS, Wells("massive", "finnhub"))
    assert choice.chosen("massive", [trade(1)]) == [trade(1)]
    assert choice.chosen("finnhub", [trade(2), trade(2, "BTC-USD")]) == [trade(2, "BTC-USD")]
    assert choice.left == {"massive": 0, "finnhub": 1}


def test_another_source_takes_the_place_of_one_that_is_unwell() -> None:
    wells = Wells("massive", "finnhub")
    choice = Choice(CARRIERS, wells)
    choice.chosen("massive", [trade(5)])
    wells.names = {"finnhub"}
    choice.turn()
    assert choice.primary == {"AAPL": "finnhub", "BTC-USD": "finnhub"}
    assert choice.chosen("finnhub", [trade(5), trade(6)]) == [trade(6)]


def test_what_the_other_source_has_covered_is_not_told_again() -> None:
    wells = Wells("finnhub")
    choice = Choice(CARRIERS, wells)
    choice.chosen("finnhub", [trade(9)])
    wells.names = {"massive", "finnhub"}
    choice.turn()
    assert choice.chosen("massive", [trade(8), trade(10), trade(9)]) == [trade(10), trade(9)]


def test_one_source_may_say_things_in_any_order() -> None:
    choice = Choice(CARRIERS, Wells("massive"))
    assert len(choice.chosen("massive", [trade(3), trade(1), trade(2)])) == 3


def test_a_source_that_speaks_again_is_looked_at_at_once() -> None:
    wells = Wells()
    choice = Choice(CARRIERS, wells)
    assert choice.chosen("finnhub", [trade(1)]) == []
    wells.names = {"finnhub"}
    assert choice.chosen("finnhub", [trade(2)]) == [trade(2)]


def test_nothing_is_published_of_a_symbol_that_a_source_does_not_carry() -> None:
    choice = Choice(CARRIERS, Wells("massive"))
    assert choice.chosen("massive", [trade(1, "ETH-USD")]) == []


def test_what_is_asked_for_again_is_published_up_to_where_another_source_began() -> None:
    wells = Wells("massive", "finnhub")
    choice = Choice(CARRIERS, wells)
    choice.chosen("massive", [trade(5)])
    wells.names = {"finnhub"}
    choice.turn()
    choice.chosen("finnhub", [trade(10), trade(20)])
    wells.names = {"massive", "finnhub"}
    choice.turn()
    missed = [trade(number) for number in (6, 9, 10, 15, 20, 21, 22)]
    assert choice.chosen("massive", missed, missed=True) == [trade(6), trade(9), trade(21), trade(22)]


def test_a_new_term_knows_whose_ticks_the_topic_has() -> None:
    choice = Choice(CARRIERS, Wells("massive", "finnhub"), {"AAPL": ("finnhub", 9)})
    missed = [trade(number) for number in (8, 9, 10)]
    assert choice.chosen("massive", missed, missed=True) == [trade(10)]


def test_in_a_later_term_too_what_was_missed_is_published_up_to_where_another_source_took_its_place() -> None:
    choice = Choice(CARRIERS, Wells("massive", "finnhub"), {"AAPL": ("finnhub", 60)}, {"AAPL": 10})
    missed = [trade(at) for at in (1, 5, 9, 15, 61)]
    assert choice.chosen("massive", missed, missed=True) == [trade(at) for at in (1, 5, 9, 61)]
