"""What every source says of itself, before anybody asks its vendor."""

from urllib.parse import urlsplit

import msgspec
import pytest
from richesreach.core.events.schemas import Name
from richesreach.core.providers import KEY_VARIABLES
from richesreach.market_data.catalogue import SOURCES
from richesreach.market_data.model import About
from richesreach.market_data.source import why_disabled

IDS = [about.name for about in SOURCES]


def test_no_two_sources_have_one_name() -> None:
    assert len(set(IDS)) == len(SOURCES)


@pytest.mark.parametrize("about", SOURCES, ids=IDS)
def test_name_and_licence_fit_on_every_record(about: About) -> None:
    for text in (about.name, about.licence):
        assert msgspec.convert(text, Name) == text


@pytest.mark.parametrize("about", SOURCES, ids=IDS)
def test_its_documentation_is_told(about: About) -> None:
    assert urlsplit(about.documentation).scheme == "https" or about.documentation.startswith("docs/")


@pytest.mark.parametrize(
    "about", [about for about in SOURCES if about.key_variable], ids=lambda about: about.name
)
def test_a_key_is_one_of_those_that_the_gateway_reports(about: About) -> None:
    assert about.key_variable in KEY_VARIABLES.values()


def test_without_any_key_only_those_that_need_none_run() -> None:
    assert {about.name for about in SOURCES if not why_disabled(about, "prod", {})} == {
        "world_bank",
        "fear_greed",
    }
    local = {about.name for about in SOURCES if not why_disabled(about, "local", {})}
    assert local == {"world_bank", "fear_greed", "generator"}


def test_with_every_key_all_run_that_are_more_than_declared() -> None:
    keys = dict.fromkeys(KEY_VARIABLES.values(), "a key")
    silent = {about.name for about in SOURCES if why_disabled(about, "prod", keys)}
    assert silent == {"bloomberg", "refinitiv", "sp_global", "generator"}
