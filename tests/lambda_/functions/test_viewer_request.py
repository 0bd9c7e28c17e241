"""The viewer-request function: paths, blocked endpoints, request ids, drained regions."""

import json
import posixpath
import re
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.lambda_.functions.conftest import SOURCE, ViewerFunction, code

SHARED_RUNTIME = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
PIECES = ["/", "//", ".", "..", "%2e", "%2E%2e", "%2f", "%5c", "\\", "%25", "%2", "%", ";", "a", "B", "%4d"]
PIECES += ["metrics", "METRICS", "internal", "%6detrics", "m", "etrics", "%6D", "%00", "x", "health"]
paths = st.lists(st.sampled_from(PIECES), max_size=12).map(lambda parts: "/" + "".join(parts))


def at(latitude: float, longitude: float) -> dict[str, str]:
    return {"cloudfront-viewer-latitude": str(latitude), "cloudfront-viewer-longitude": str(longitude)}


FRANKFURT, SINGAPORE, NEW_YORK = at(50.11, 8.68), at(1.35, 103.82), at(40.71, -74.01)


@pytest.mark.parametrize(
    ("uri", "normal"),
    [
        ("/", "/"),
        ("/api//status///services", "/api/status/services"),
        ("/api/./status/../orders", "/api/orders"),
        ("/../../etc", "/etc"),
        ("/api/..", "/"),
        ("/api/x/..", "/api/"),
        ("/api/%2e%2e/orders", "/orders"),
        ("/health/detailed/", "/health/detailed/"),
        ("/a%2Fb%20c", "/a%2Fb%20c"),
        ("/...", "/..."),
        ("/Case", "/Case"),
    ],
)
def test_a_path_is_normalised(viewer: ViewerFunction, uri: str, normal: str) -> None:
    assert viewer.request(uri)["uri"] == normal


def test_dots_do_not_bring_forward_what_is_blocked(viewer: ViewerFunction) -> None:
    assert viewer.run("/...%2f%25/../%6detrics")["output"]["statusCode"] == 404


@SHARED_RUNTIME
@given(path=paths)
def test_normalising_twice_changes_nothing(viewer: ViewerFunction, path: str) -> None:
    once = viewer.run(path)["output"]
    if "statusCode" not in once:
        assert viewer.request(once["uri"])["uri"] == once["uri"]


def readings(path: str) -> list[str]:
    """What servers may make of a path: decoded once or more, slashes joined, dots resolved, case folded."""
    seen = []
    for _ in range(6):
        resolved = posixpath.normpath("/" + path.replace("\\", "/").replace("\0", "").lstrip("/"))
        seen.append(resolved.lower())
        path = unquote(path, errors="replace")
    return seen


@SHARED_RUNTIME
@given(path=paths)
def test_no_reading_of_a_passed_path_is_an_internal_endpoint(viewer: ViewerFunction, path: str) -> None:
    output = viewer.run(path)["output"]
    if "statusCode" not in output:
        blocked = re.compile(r"/(metrics|internal)(/|;|$)")
        assert not [reading for reading in readings(output["uri"]) if blocked.match(reading)]


@SHARED_RUNTIME
@given(path=paths)
def test_a_passed_path_has_no_dots_and_no_double_slashes(viewer: ViewerFunction, path: str) -> None:
    output = viewer.run(path)["output"]
    if "statusCode" not in output:
        segments = output["uri"].split("/")[1:]
        assert output["uri"].startswith("/")
        assert "" not in segments[:-1]
        assert not {".", ".."} & {segment.lower().replace("%2e", ".") for segment in segments}


@pytest.mark.parametrize(
    "uri",
    [
        "/metrics",
        "/metrics/",
        "/metrics/x",
        "/METRICS",
        "//metrics",
        "/%6Detrics",
        "/%256detrics",
        "/health/../metrics",
        "/health/%2e%2e/metrics",
        "/%2e/metrics",
        "/%2Fmetrics",
        "/x%2f..%2fmetrics",
        "/x/..%5cmetrics",
        "/metrics;v=1",
        "/metrics%00",
        "/metrics%3bv=1",
        "/internal",
        "/internal/jobs",
        "/Internal%2fjobs",
        "/%" + "25" * 40 + "6detrics",
    ],
)
def test_an_internal_endpoint_is_not_found(viewer: ViewerFunction, uri: str) -> None:
    output = viewer.run(uri)["output"]
    assert output["statusCode"] == 404
    assert output["headers"]["content-type"]["value"] == "application/problem+json"
    assert json.loads(output["body"])["status"] == 404


@pytest.mark.parametrize(
    "uri", ["/metricsx", "/api/metrics", "/market/internal/x", "/internals", "/m/etrics"]
)
def test_what_only_looks_internal_passes(viewer: ViewerFunction, uri: str) -> None:
    assert viewer.request(uri)["uri"] == uri


def test_query_keys_are_sorted_and_repeated_values_kept(viewer: ViewerFunction) -> None:
    repeated = {"value": "2", "multiValue": [{"value": "2"}, {"value": "1"}]}
    sent: dict[str, Any] = {"z": {"value": "9"}, "a": repeated, "m": {"value": ""}}
    passed = viewer.request(querystring=sent)["querystring"]
    assert list(passed) == ["a", "m", "z"]
    assert passed["a"] == repeated


def test_the_host_is_told_as_forwarded_host_and_cannot_be_forged(viewer: ViewerFunction) -> None:
    headers = viewer.request(headers={"x-forwarded-host": "evil.example"})["headers"]
    assert headers["x-forwarded-host"] == {"value": "app.example.test"}
    assert headers["host"] == {"value": "app.example.test"}


def test_a_request_id_is_made_when_there_is_none(viewer: ViewerFunction) -> None:
    ids = {viewer.request()["headers"]["x-request-id"]["value"] for _ in range(3)}
    assert len(ids) == 3
    assert all(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value) for value in ids)


def test_a_good_request_id_is_kept(viewer: ViewerFunction) -> None:
    given_id = "client-0123456789"
    assert viewer.request(headers={"x-request-id": given_id})["headers"]["x-request-id"]["value"] == given_id


@pytest.mark.parametrize("bad", ["short", "x" * 129, "with space in it", "new\nline-in-it", '{"json":"no"}'])
def test_a_malformed_request_id_is_replaced(viewer: ViewerFunction, bad: str) -> None:
    assert viewer.request(headers={"x-request-id": bad})["headers"]["x-request-id"]["value"] != bad


NEAREST = "eu-west-1-read then us-east-1-read"
WEBSOCKET = {"upgrade": "websocket"}
EVENTS = {"accept": "text/html, text/event-stream"}


@pytest.mark.parametrize("drained", [None, "", " ", "unknown-region-1"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_read_asks_the_nearest_region_and_then_the_next(
    viewer: ViewerFunction, drained: str | None, method: str
) -> None:
    viewer.drained = drained
    assert viewer.origin(headers=FRANKFURT, method=method) == NEAREST


def test_a_read_fails_over_only_when_the_origin_is_unwell(viewer: ViewerFunction) -> None:
    assert viewer.run(headers=FRANKFURT)["origin"]["codes"] == [502, 503, 504]


@pytest.mark.parametrize(
    ("drained", "place", "first", "second"),
    [
        ("eu-west-1", FRANKFURT, "us-east-1", "ap-southeast-1"),
        ("eu-west-1", SINGAPORE, "ap-southeast-1", "us-east-1"),
        ("us-east-1", NEW_YORK, "eu-west-1", "ap-southeast-1"),
        ("ap-southeast-1,us-east-1", SINGAPORE, "eu-west-1", None),
        (" us-east-1 , eu-west-1 ", FRANKFURT, "ap-southeast-1", None),
    ],
)
def test_a_drained_region_gets_nothing(
    viewer: ViewerFunction, drained: str, place: dict[str, str], first: str, second: str | None
) -> None:
    viewer.drained = drained
    group = f"{first}-read then {second}-read" if second else f"{first}-read"
    assert viewer.origin(headers=place) == group
    assert viewer.origin(headers=place, method="POST") == first
    assert viewer.origin(headers=place | WEBSOCKET) == f"{first}-stream"


def test_when_everything_is_drained_nothing_is(viewer: ViewerFunction) -> None:
    viewer.drained = "us-east-1,eu-west-1,ap-southeast-1"
    assert viewer.origin(headers=FRANKFURT) == NEAREST
    assert viewer.origin(headers=FRANKFURT, method="POST") is None


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_write_never_fails_over(viewer: ViewerFunction, method: str) -> None:
    assert viewer.origin(headers=FRANKFURT, method=method) is None
    viewer.writer = "ap-southeast-1"
    assert viewer.origin(headers=FRANKFURT, method=method) == "ap-southeast-1"


def test_writes_leave_a_writer_that_is_drained(viewer: ViewerFunction) -> None:
    viewer.writer = viewer.drained = "ap-southeast-1"
    assert viewer.origin(headers=SINGAPORE, method="POST") == "eu-west-1"


def test_an_unknown_writer_is_none(viewer: ViewerFunction) -> None:
    viewer.writer = "mars-north-1"
    assert viewer.origin(headers=SINGAPORE, method="POST") is None


def test_a_writer_takes_no_reads(viewer: ViewerFunction) -> None:
    viewer.writer = "ap-southeast-1"
    assert viewer.origin(headers=FRANKFURT) == NEAREST


@pytest.mark.parametrize("stream", [WEBSOCKET, EVENTS])
def test_a_stream_goes_to_one_origin_that_waits(viewer: ViewerFunction, stream: dict[str, str]) -> None:
    assert viewer.origin(headers=FRANKFURT | stream) == "eu-west-1-stream"
    assert viewer.origin(headers=stream) == "latency-stream"


@pytest.mark.parametrize("place", [{}, at(50.0, 8.0) | {"cloudfront-viewer-longitude": "?"}])
def test_a_viewer_without_a_place_is_led_by_latency_and_past_a_drained_region(
    viewer: ViewerFunction, place: dict[str, str]
) -> None:
    assert viewer.origin(headers=place) is None
    viewer.drained = "us-east-1"
    assert viewer.origin(headers=place) == "eu-west-1-read then ap-southeast-1-read"


def test_a_store_that_fails_does_not_stop_traffic(viewer: ViewerFunction) -> None:
    answer = viewer.run("/api", store=False)
    assert answer["output"]["uri"] == "/api"
    assert answer["origin"] is None


@pytest.mark.parametrize("path", ["/api/admin/users", "/api/status/cache/clear", "/api/admin/a/../b"])
def test_a_protected_path_in_its_own_spelling_goes_on(viewer: ViewerFunction, path: str) -> None:
    assert viewer.request(path)["uri"].startswith("/api/")


@pytest.mark.parametrize(
    "path",
    [
        "//api/admin/users",
        "/api//admin/users",
        "/api/%61dmin/users",
        "/api/%2561dmin/users",
        "/API/Admin/users",
        "/api/admin;x/users",
        "/x/..//api/admin/users",
        "/api/admin/..//../api/admin/users",
        "/api\\admin\\users",
        "/api/status/cache//clear",
    ],
)
def test_no_spelling_leads_round_the_guard_of_a_protected_path(viewer: ViewerFunction, path: str) -> None:
    answer = viewer.run(path)
    assert answer["ok"], answer
    assert answer["output"].get("statusCode") == 404


def test_the_bucket_of_the_cookie_is_kept(viewer: ViewerFunction) -> None:
    sent = viewer.request(cookies={"rr-experiment": "42"})
    assert sent["headers"]["x-experiment-bucket"]["value"] == "42"


@pytest.mark.parametrize("cookie", ["", "100", "-1", "a", "4 2"])
def test_a_bucket_that_is_none_is_drawn(viewer: ViewerFunction, cookie: str) -> None:
    sent = viewer.request(cookies={"rr-experiment": cookie})
    assert 0 <= int(sent["headers"]["x-experiment-bucket"]["value"]) < 100


def test_a_viewer_does_not_name_its_bucket_in_a_header(viewer: ViewerFunction) -> None:
    headers = {"x-request-id": "request-0001", "x-experiment-bucket": "777"}
    sent = viewer.request(headers=headers)
    assert sent["headers"]["x-experiment-bucket"]["value"] != "777"


def test_the_function_fits_into_ten_kilobytes_with_twelve_regions() -> None:
    places = {f"ap-southeast-{n}": [-33.87, 151.21] for n in range(12)}
    assert len(SOURCE.read_text().replace("__REGIONS__", json.dumps(places)).encode()) <= 10_240


UNLISTED = {
    "optional chaining": r"\?\.",
    "nullish coalescing": r"\?\?",
    "spread": r"\.\.\.",
    "class": r"\bclass\b",
    "for of": r"\bfor\s*\([^)]*\bof\b",
    "destructuring": r"\b(?:const|let|var)\s*[\[{]",
    "async arrow": r"\basync\s*\(",
    "await as an argument": r"\([^()]*\bawait\b",
}


@pytest.mark.parametrize("pattern", UNLISTED.values(), ids=UNLISTED)
def test_the_function_uses_no_syntax_that_the_runtime_does_not_list(pattern: str) -> None:
    bare = re.sub(r"//[^\n]*|'(?:\\.|[^'\\])*'|`[^`]*`", "''", code())
    assert not re.search(pattern, bare)
