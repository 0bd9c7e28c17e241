"""Where the AWS regions are.

A committed table, because synth is offline and because the same distances decide in three places that must
agree: the CloudFront Function (its copy is written into it at synth), the local Route 53 and the local
CloudFront. AWS publishes the metropolitan area of a region, not its address, so a region stands where the
city it is named after stands: city coordinates are public knowledge (two decimals, about 1 km), POP codes are
the IATA codes of the city's main airport, which CloudFront also uses to name its edge locations.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

EARTH_RADIUS_KM = 6371.0088
"""Mean radius of the Earth (IUGG)."""


class Location(NamedTuple):
    """A point on the Earth, in decimal degrees."""

    latitude: float
    longitude: float


class Region(NamedTuple):
    """A region and the city it stands for; `country` is ISO 3166-1 alpha-2, `pop` an IATA code."""

    code: str
    city: str
    country: str
    location: Location
    pop: str


def _region(code: str, city: str, country: str, latitude: float, longitude: float, pop: str) -> Region:
    return Region(code, city, country, Location(latitude, longitude), pop)


REGIONS: dict[str, Region] = {
    region.code: region
    for region in (
        _region("us-east-1", "Ashburn", "US", 39.04, -77.49, "IAD"),
        _region("us-east-2", "Columbus", "US", 39.96, -83.00, "CMH"),
        _region("us-west-1", "San Francisco", "US", 37.77, -122.42, "SFO"),
        _region("us-west-2", "Portland", "US", 45.52, -122.68, "PDX"),
        _region("ca-central-1", "Montreal", "CA", 45.50, -73.57, "YUL"),
        _region("ca-west-1", "Calgary", "CA", 51.05, -114.07, "YYC"),
        _region("mx-central-1", "Queretaro", "MX", 20.59, -100.39, "QRO"),
        _region("sa-east-1", "Sao Paulo", "BR", -23.55, -46.63, "GRU"),
        _region("eu-west-1", "Dublin", "IE", 53.35, -6.26, "DUB"),
        _region("eu-west-2", "London", "GB", 51.51, -0.13, "LHR"),
        _region("eu-west-3", "Paris", "FR", 48.86, 2.35, "CDG"),
        _region("eu-central-1", "Frankfurt", "DE", 50.11, 8.68, "FRA"),
        _region("eu-central-2", "Zurich", "CH", 47.38, 8.54, "ZRH"),
        _region("eu-north-1", "Stockholm", "SE", 59.33, 18.07, "ARN"),
        _region("eu-south-1", "Milan", "IT", 45.46, 9.19, "MXP"),
        _region("eu-south-2", "Zaragoza", "ES", 41.65, -0.89, "ZAZ"),
        _region("af-south-1", "Cape Town", "ZA", -33.92, 18.42, "CPT"),
        _region("me-south-1", "Manama", "BH", 26.23, 50.59, "BAH"),
        _region("me-central-1", "Dubai", "AE", 25.20, 55.27, "DXB"),
        _region("il-central-1", "Tel Aviv", "IL", 32.09, 34.78, "TLV"),
        _region("ap-south-1", "Mumbai", "IN", 19.08, 72.88, "BOM"),
        _region("ap-south-2", "Hyderabad", "IN", 17.39, 78.49, "HYD"),
        _region("ap-southeast-1", "Singapore", "SG", 1.35, 103.82, "SIN"),
        _region("ap-southeast-2", "Sydney", "AU", -33.87, 151.21, "SYD"),
        _region("ap-southeast-3", "Jakarta", "ID", -6.21, 106.85, "CGK"),
        _region("ap-southeast-4", "Melbourne", "AU", -37.81, 144.96, "MEL"),
        _region("ap-southeast-5", "Kuala Lumpur", "MY", 3.14, 101.69, "KUL"),
        _region("ap-southeast-6", "Auckland", "NZ", -36.85, 174.76, "AKL"),
        _region("ap-southeast-7", "Bangkok", "TH", 13.76, 100.50, "BKK"),
        _region("ap-east-1", "Hong Kong", "HK", 22.32, 114.17, "HKG"),
        _region("ap-east-2", "Taipei", "TW", 25.03, 121.57, "TPE"),
        _region("ap-northeast-1", "Tokyo", "JP", 35.68, 139.69, "NRT"),
        _region("ap-northeast-2", "Seoul", "KR", 37.57, 126.98, "ICN"),
        _region("ap-northeast-3", "Osaka", "JP", 34.69, 135.50, "KIX"),
    )
}


class UnknownRegionError(ValueError):
    """A region that is not in the table."""


def region(code: str) -> Region:
    """The region with this code; UnknownRegionError names the ones that exist."""
    try:
        return REGIONS[code]
    except KeyError:
        known = ", ".join(sorted(REGIONS))
        raise UnknownRegionError(f"{code!r} is not an AWS region; use one of {known}") from None


def distance_km(a: Location, b: Location) -> float:
    """Great-circle distance in km (haversine formula, spherical Earth)."""
    lat_a, lat_b = math.radians(a.latitude), math.radians(b.latitude)
    half_lat = (lat_b - lat_a) / 2
    half_lon = math.radians(b.longitude - a.longitude) / 2
    h = math.sin(half_lat) ** 2 + math.cos(lat_a) * math.cos(lat_b) * math.sin(half_lon) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, h)))


def nearest(location: Location, regions: Iterable[str]) -> str:
    """The code in `regions` nearest to `location`; the first of equals. Raises ValueError when empty."""
    return min(regions, key=lambda code: distance_km(location, region(code).location))
