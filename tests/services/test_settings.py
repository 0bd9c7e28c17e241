"""Settings: every mistake in one error, and no secret in sight."""

import pytest
from gateway_task import task_environment
from hypothesis import given
from hypothesis import strategies as st
from richesreach.core.settings import DatabaseAddress, Endpoint, Settings, SettingsError

COMPLETE = task_environment(None, None)
OPTIONAL = {"BIND_ADDRESS", "LOG_LEVEL", "S3_BUCKET"}
REQUIRED = sorted(set(COMPLETE) - OPTIONAL)
WRONG = {
    "PORT": ["0", "65536", "http", "-1", "²"],
    "AWS_REGION": ["Frankfurt", "eu_west_1"],
    "REDIS_TLS": ["yes", "1"],
    "REDIS_PRIMARY_HOST": ["redis://cache", "a b", "-cache"],
    "LOG_LEVEL": ["loud"],
    "SERVICE_NAME": ["Gate Way"],
    "RATE_LIMIT_TIERS": ["60", "anonymous=60/60", "anonymous=0/60,key=1/1", "anonymous=1/1,key=2/1,x=1/1/0"],
    "TRUSTED_PROXIES": ["proxy", "10.0.0.1/8"],
    "PROXY_HOPS": ["-1", "11", "two"],
    "RATE_LIMITING": ["on"],
    "AWS_ENDPOINT_URL": ["127.0.0.1:4566", "https://user:secret@aws.example"],
    "OTEL_EXPORTER_OTLP_ENDPOINT": ["collector:4318", "http://user:secret@collector"],
    "DATABASE_WRITER_DSN": [
        "mysql://db:3306/richesreach",
        "postgresql://db/richesreach",
        "postgresql://db:5432",
        "postgresql://db:5432/richesreach?target_session_attrs=fastest",
        "postgresql://db:5432,/richesreach",
    ],
}
names = st.text("abcdefghij", min_size=1, max_size=8)
endpoints = st.builds(Endpoint, names, st.integers(1, 65535))


def test_a_complete_environment_is_read() -> None:
    settings = Settings.from_environment(COMPLETE)
    assert (settings.region, settings.port, settings.cache_tls) == ("eu-west-1", 8000, False)


def test_what_has_a_default_may_be_left_out() -> None:
    settings = Settings.from_environment({name: COMPLETE[name] for name in REQUIRED})
    assert settings.bind_address == "0.0.0.0"  # noqa: S104 (every interface of a container)
    assert (settings.log_level, settings.lake_bucket) == ("INFO", None)


LOGINS = [("REDIS_USERNAME", "REDIS_PASSWORD"), ("GLOBAL_CACHE_USERNAME", "GLOBAL_CACHE_PASSWORD")]


@pytest.mark.parametrize(("user", "password"), LOGINS)
def test_name_without_password_of_a_cache_is_refused(user: str, password: str) -> None:
    for present, missing in ((user, password), (password, user)):
        with pytest.raises(SettingsError) as caught:
            Settings.from_environment({**COMPLETE, present: "app"})
        assert caught.value.problems == (f"{missing} is missing beside {present}: set both, or neither",)


@pytest.mark.parametrize(
    ("given", "missing"), [("IDENTITY_ISSUER", "IDENTITY_CLIENTS"), ("IDENTITY_CLIENTS", "IDENTITY_ISSUER")]
)
def test_issuer_and_audience_of_tokens_come_together(given: str, missing: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({**COMPLETE, given: "https://issuer.example/pool"})
    assert caught.value.problems == (f"{missing} is missing beside {given}: set both, or neither",)


def test_passwords_of_the_caches_are_in_no_repr() -> None:
    given = {name: f"hidden-{name}" for pair in LOGINS for name in pair if name.endswith("PASSWORD")}
    named = {user: "app" for user, _ in LOGINS}
    settings = Settings.from_environment({**COMPLETE, **named, **given})
    assert settings.cache_login is not None
    assert settings.cache_login.password.reveal() == "hidden-REDIS_PASSWORD"
    assert settings.global_cache_login is not None
    assert settings.global_cache_login.user == "app"
    assert "hidden" not in repr(settings)


@given(st.sets(st.sampled_from(REQUIRED), min_size=1))
def test_one_error_names_every_missing_variable_and_no_other(missing: set[str]) -> None:
    environment = {name: value for name, value in COMPLETE.items() if name not in missing}
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment(environment)
    assert {problem.split()[0] for problem in caught.value.problems} == missing


@given(st.sets(st.sampled_from(REQUIRED), min_size=1), st.sampled_from(["", " ", "\t"]))
def test_a_blank_variable_is_a_missing_one(blank: set[str], nothing: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({**COMPLETE, **dict.fromkeys(blank, nothing)})
    assert {problem.split()[0] for problem in caught.value.problems} == blank


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in WRONG for value in WRONG[name]])
def test_a_wrong_value_is_named_with_its_mend(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({**COMPLETE, name: value})
    (problem,) = caught.value.problems
    assert problem.startswith(f"{name} ")


@given(st.text(min_size=1).map(str.strip).filter(bool))
def test_the_repr_is_the_same_whatever_the_password_is(password: str) -> None:
    settings = Settings.from_environment({**COMPLETE, "DATABASE_PASSWORD": password})
    assert settings.database_password.reveal() == password
    assert repr(settings) == repr(Settings.from_environment(COMPLETE))
    assert str(settings.database_password) == "Secret(***)"


def test_a_dsn_with_credentials_is_refused_without_repeating_them() -> None:
    dsn = "postgresql://admin:hunter2@db:5432/richesreach"
    with pytest.raises(SettingsError, match=r"DATABASE_WRITER_DSN must not hold credentials") as caught:
        Settings.from_environment({**COMPLETE, "DATABASE_WRITER_DSN": dsn})
    assert "hunter2" not in str(caught.value)


@given(st.lists(endpoints, min_size=1, max_size=5), names)
def test_a_dsn_keeps_its_hosts_in_order(hosts: list[Endpoint], database: str) -> None:
    dsn = f"postgresql://{','.join(map(str, hosts))}/{database}?target_session_attrs=any&sslmode=verify-full"
    address = DatabaseAddress.parse(dsn)
    assert (address.hosts, address.database) == (tuple(hosts), database)
    assert address.single_host(hosts[0]).endswith("?target_session_attrs=any&sslmode=verify-full")


def test_tiers_are_quota_seconds_and_burst() -> None:
    given = "anonymous=10/60/5, key=200/60,partner=5000/1/100"
    tiers = Settings.from_environment({**COMPLETE, "RATE_LIMIT_TIERS": given}).rate_limit_tiers
    assert [(tier.name, tier.quota, tier.seconds, tier.burst) for tier in tiers.values()] == [
        ("anonymous", 10, 60, 5),
        ("key", 200, 60, 200),
        ("partner", 5000, 1, 100),
    ]


def test_a_provider_is_enabled_by_its_key_alone() -> None:
    environment = {**COMPLETE, "FINNHUB_API_KEY": "k-123456", "OPENAI_API_KEY": " "}
    settings = Settings.from_environment(environment)
    assert settings.providers == {"finnhub"}
    assert "k-123456" not in repr(settings)
