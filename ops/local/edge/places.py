"""Where a viewer is. On AWS CloudFront knows it from the address; here a header says it.

Header `X-Viewer-Location`: a city, a POP (IATA) code or an AWS region. City coordinates: public knowledge.
"""

from dataclasses import dataclass

from stacks.regions import REGIONS, Location

HEADER = "X-Viewer-Location"


class UnknownPlaceError(ValueError):
    """A location that is not in the table; the message lists what is."""


@dataclass(frozen=True)
class Place:
    """A city as CloudFront names it; `country` is ISO 3166-1 alpha-2."""

    city: str
    country: str
    location: Location
    pop: str

    def headers(self) -> dict[str, str]:
        """The headers in which CloudFront tells an origin or function where the viewer is."""
        return {
            "CloudFront-Viewer-Country": self.country,
            "CloudFront-Viewer-City": self.city,
            "CloudFront-Viewer-Latitude": f"{self.location.latitude:.5f}",
            "CloudFront-Viewer-Longitude": f"{self.location.longitude:.5f}",
        }


_CITIES = (
    Place("New York", "US", Location(40.71, -74.01), "JFK"),
    Place("Chicago", "US", Location(41.88, -87.63), "ORD"),
    Place("Los Angeles", "US", Location(34.05, -118.24), "LAX"),
    Place("Miami", "US", Location(25.76, -80.19), "MIA"),
    Place("Toronto", "CA", Location(43.65, -79.38), "YTO"),
    Place("Bogota", "CO", Location(4.71, -74.07), "BOG"),
    Place("Buenos Aires", "AR", Location(-34.60, -58.38), "EZE"),
    Place("Amsterdam", "NL", Location(52.37, 4.90), "AMS"),
    Place("Berlin", "DE", Location(52.52, 13.41), "BER"),
    Place("Madrid", "ES", Location(40.42, -3.70), "MAD"),
    Place("Lagos", "NG", Location(6.52, 3.38), "LOS"),
    Place("Nairobi", "KE", Location(-1.29, 36.82), "NBO"),
    Place("Delhi", "IN", Location(28.61, 77.21), "DEL"),
    Place("Perth", "AU", Location(-31.95, 115.86), "PER"),
)
_REGIONAL = {code: Place(r.city, r.country, r.location, r.pop) for code, r in REGIONS.items()}


def _names() -> dict[str, Place]:
    names: dict[str, Place] = {}
    for place in (*_CITIES, *_REGIONAL.values()):
        names[place.city.casefold()] = place
        names[place.pop.casefold()] = place
    return names | _REGIONAL


_BY_NAME = _names()


def find(name: str) -> Place:
    """The place called `name` (any case). Raises UnknownPlaceError."""
    place = _BY_NAME.get(" ".join(name.split()).casefold())
    if place is None:
        known = ", ".join(sorted({f"{p.city} ({p.pop})" for p in _BY_NAME.values()}))
        raise UnknownPlaceError(f"{HEADER}: {name!r} is not known; give an AWS region or one of {known}")
    return place
