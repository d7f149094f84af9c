"""The settings: read from the environment, refused when unsafe (engine 15.3)."""

from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured

from flowx_site.config import DEVELOPMENT_KEY, described, read_config, settings_table, unknown_names

SAFE = {
    "FLOWX_PRODUCTION": "true",
    "SECRET_KEY": "k3Y-" * 15,
    "ALLOWED_HOSTS": "flows.example.com",
    "DATABASE_URL": "postgres://flowx:secret@db/flowx",
}


def test_development_needs_no_variable_at_all() -> None:
    config = read_config({})
    assert config.database_url.startswith("sqlite:///")
    assert config.database_url.endswith("var/flowx.sqlite3")
    assert config.allowed_hosts == ("localhost", "127.0.0.1", "[::1]")
    assert (config.max_body, config.max_frame, config.max_upload) == (1_048_576, 262_144, 50_000_000)
    assert config.keep_journal == timedelta(days=90)


def test_e243_production_starts_on_safe_settings() -> None:
    assert read_config(SAFE).production


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"SECRET_KEY": DEVELOPMENT_KEY}, "SECRET_KEY is missing or known"),
        ({"SECRET_KEY": ""}, "SECRET_KEY is missing or known"),
        ({"SECRET_KEY": "django-insecure-" + "x" * 50}, "SECRET_KEY is missing or known"),
        ({"DEBUG": "true"}, "DEBUG is on"),
        ({"DATABASE_URL": "sqlite:////srv/flowx.sqlite3"}, "DATABASE_URL names SQLite"),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS has a wildcard"),
        ({"ALLOWED_HOSTS": "flows.example.com,*.example.com"}, "ALLOWED_HOSTS has a wildcard"),
        ({"ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS is empty"),
    ],
)
def test_e243_production_refuses_to_start_on_unsafe_settings(change: dict[str, str], reason: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=reason):
        read_config(SAFE | change)


def test_e243_production_names_all_unsafe_settings_at_once() -> None:
    with pytest.raises(ImproperlyConfigured) as refusal:
        read_config({"FLOWX_PRODUCTION": "true", "DEBUG": "true"})
    for name in ("SECRET_KEY", "DEBUG", "DATABASE_URL", "ALLOWED_HOSTS"):
        assert name in str(refusal.value)


def test_e243_unknown_flowx_names_are_found_and_parameters_are_left_alone() -> None:
    environ = {"FLOWX_START_RATES": "5", "FLOWX_PARAM_BANK": "x", "FLOWX_START_RATE": "5", "PATH": "/bin"}
    assert unknown_names(environ) == ["FLOWX_START_RATES"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("FLOWX_START_RATE", "many"),
        ("FLOWX_START_RATE", "0"),
        ("FLOWX_MAX_BODY", "1 furlong"),
        ("FLOWX_PRODUCTION", "perhaps"),
        ("TIME_ZONE", "Mars/Olympus"),
        ("FLOWX_FRONTEND_ORIGINS", "https://*.example.com"),
        ("FLOWX_FRONTEND_ORIGINS", "https://app.example.com/path"),
        ("FLOWX_PROCESS_START_AUTH", "none"),
        ("KAFKA_TOPIC_PATTERN", "a("),
        ("KAFKA_GROUP_PROTOCOL", "modern"),
        ("FLOWX_KEEP_DEAD", "for ever"),
    ],
)
def test_a_wrong_value_is_named_with_its_variable(name: str, text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=name):
        read_config({name: text})


def test_s001_topic_names_come_from_the_three_parts_and_a_variable_of_its_own_wins() -> None:
    config = read_config(
        {
            "KAFKA_TOPIC_NAMING_PACKAGE": "com.example",
            "KAFKA_TOPIC_NAMING_ENVIRONMENT": "prod.",
            "KAFKA_TOPIC_NAMING_VERSION": "v2",
            "KAFKA_TOPIC_PROCESS_START_OUT": "starts.confirmed",
        }
    )
    assert config.topic_start_in == "com.example.prod.core.trigger.start.process.v2"
    assert config.topic_start_out == "starts.confirmed"
    assert config.receives("com.example.prod.engine.receive.bike.v2")
    assert not config.receives("comXexample.prod.engine.receive.bike.v2")


def test_e131_only_whole_names_match_the_topic_pattern() -> None:
    config = read_config({"KAFKA_TOPIC_PATTERN": "^replies\\.[a-z]+$"})
    assert config.receives("replies.bike")
    assert not config.receives("replies.bike.v1")
    assert not config.receives("dlt.replies.bike")
    assert config.subscription == "^(replies\\.[a-z]+)$"


def test_default_start_and_event_topics_are_outside_the_pattern() -> None:
    config = read_config({})
    for name in (config.topic_start_in, config.topic_start_out, config.topic_operations_in, config.topic_events):
        assert not config.receives(name)


def test_security_settings_are_passed_to_kafka_clients_under_librdkafkas_names() -> None:
    config = read_config(
        {"KAFKA_BOOTSTRAP_SERVERS": "a:1,b:2", "KAFKA_SASL_MECHANISM": "PLAIN", "KAFKA_SASL_PASSWORD": "hush"}
    )
    assert config.kafka_client == {
        "bootstrap.servers": "a:1,b:2",
        "security.protocol": "PLAINTEXT",
        "sasl.mechanism": "PLAIN",
        "sasl.password": "hush",
    }


def test_secrets_stay_out_of_the_printed_settings() -> None:
    config = read_config(SAFE | {"KAFKA_SASL_PASSWORD": "hush-hush", "REDIS_URL": "redis://:tell-no-one@r/0"})
    for secret in (SAFE["SECRET_KEY"], "hush-hush", "postgres://", "tell-no-one"):
        assert secret not in repr(config)


def test_group_protocol_is_kip_848_on_the_embedded_broker_only() -> None:
    assert read_config({}).kafka_group_protocol == "classic"
    assert read_config({"FLOWX_KAFKA_EMBEDDED": "1"}).kafka_group_protocol == "consumer"


def test_the_table_of_settings_names_each_once() -> None:
    table = settings_table()
    for item in described():
        assert table.count(f"| `{item.env}` |") == 1
