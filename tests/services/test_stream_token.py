"""Tokens for MSK: a presigned request of the task's role, and nothing of its secret."""

import base64
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.credentials import Credentials
from gateway_task import task_environment
from richesreach.core.endpoints import StreamAddress
from richesreach.core.events import iam
from richesreach.core.events.connection import connection
from richesreach.core.events.iam import TokenSource
from richesreach.core.settings import Settings, SettingsError
from stream_client import settings_for

ROLE = Credentials("AKIDEXAMPLE", "very-secret", "session-token")


def url_of(token: str) -> str:
    return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()


def test_a_token_is_the_presigned_url_of_connecting() -> None:
    token, _ = TokenSource("eu-west-1", lambda: ROLE)("")
    assert "=" not in token
    parts = urlsplit(url_of(token))
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    assert (parts.scheme, parts.netloc) == ("https", "kafka.eu-west-1.amazonaws.com")
    assert query["Action"] == "kafka-cluster:Connect"
    assert query["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256"
    assert query["X-Amz-Credential"].endswith("/eu-west-1/kafka-cluster/aws4_request")
    assert query["X-Amz-Security-Token"] == "session-token"
    assert query["X-Amz-Expires"] == "900"
    assert query["X-Amz-SignedHeaders"] == "host"
    assert "User-Agent" in query
    assert "very-secret" not in url_of(token)


def test_the_signature_is_of_the_credentials() -> None:
    signature = parse_qs(urlsplit(url_of(TokenSource("eu-west-1", lambda: ROLE)("")[0])).query)[
        "X-Amz-Signature"
    ]
    other = Credentials("AKIDEXAMPLE", "another-secret", "session-token")
    assert (
        parse_qs(urlsplit(url_of(TokenSource("eu-west-1", lambda: other)("")[0])).query)["X-Amz-Signature"]
        != signature
    )


def test_a_token_ends_when_its_signature_does() -> None:
    before = time.time()
    _, end = TokenSource("eu-west-1", lambda: ROLE)("")
    assert before + iam.LIFETIME <= end <= time.time() + iam.LIFETIME


def test_each_token_is_of_the_credentials_of_its_time() -> None:
    given = iter([ROLE, Credentials("AKIDRENEWED", "s", "t")])
    source = TokenSource("eu-west-1", lambda: next(given))
    assert "AKIDEXAMPLE" in url_of(source("")[0])
    assert "AKIDRENEWED" in url_of(source("")[0])


def test_a_task_without_a_role_is_told_so() -> None:
    with pytest.raises(PermissionError, match="the task has no role"):
        TokenSource("eu-west-1", lambda: None)("")


def test_iam_means_tls_and_tokens_and_plaintext_neither() -> None:
    address = StreamAddress.parse("b-1.kafka:9098,b-2.kafka:9098", "iam")
    found = connection(address, client="gateway", region="eu-west-1")
    assert (found["security.protocol"], found["sasl.mechanisms"]) == ("sasl_ssl", "OAUTHBEARER")
    assert isinstance(found["oauth_cb"], TokenSource)
    assert found["bootstrap.servers"] == "b-1.kafka:9098,b-2.kafka:9098"
    plain = connection(
        StreamAddress.parse("127.0.0.1:9092", "plaintext"), client="gateway", region="eu-west-1"
    )
    assert plain["security.protocol"] == "plaintext"
    assert "oauth_cb" not in plain


def test_a_service_without_the_stream_has_no_address() -> None:
    assert Settings.from_environment(task_environment(None, None)).stream is None


@pytest.mark.parametrize(
    ("servers", "problem"),
    [
        ("kafka", "KAFKA_BOOTSTRAP_SERVERS is no list of brokers: host kafka needs a port"),
        ("a:9092,,b:9092", "KAFKA_BOOTSTRAP_SERVERS is no list of brokers: every host must be"),
        (" ", "KAFKA_BOOTSTRAP_SERVERS is missing beside KAFKA_SECURITY"),
    ],
)
def test_a_wrong_list_of_brokers_is_named(servers: str, problem: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings_for(servers)
    assert caught.value.problems[0].startswith(problem)
