"""Every setting of the program, read once from the environment into one frozen, typed object.

`flowx_site.settings` and the commands read `config`; nothing else looks at `os.environ`. Each field carries the name of
its variable, its default and one sentence, so this module also prints the table of settings: `python -m
flowx_site.config`. Keeps engine 15.3 (names, defaults, refusals in production) and scenarios 1.1 and 2 (topic names).
"""

import logging
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
DEVELOPMENT_KEY = "flowx-development-key-known-to-everyone-never-use-it-in-production"
# named by generic parameters of type environment variable (engine 6.4); planted by tests (`engine.faults`)
FREE_PREFIXES = ("FLOWX_PARAM_", "FLOWX_FAULT")
SIZE_UNITS = {"": 1, "b": 1, "kb": 1000, "kib": 1024, "mb": 1000**2, "mib": 1024**2, "gb": 1000**3, "gib": 1024**3}

Values = Mapping[str, Any]  # what has been read so far, by field name


def parse_flag(text: str) -> bool:
    """Yes or no as people write it in an environment; raises ValueError for anything else."""
    word = text.strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off", ""):
        return False
    raise ValueError("write true or false")


def parse_count(text: str) -> int:
    """A whole number above zero."""
    if not text.strip().isdecimal() or int(text) == 0:
        raise ValueError("write a whole number above zero")
    return int(text)


def parse_size(text: str) -> int:
    """Bytes: a number, alone or with a unit, such as `1048576`, `1 MiB` or `50 MB`."""
    match = re.fullmatch(r"\s*(\d+)\s*([a-zA-Z]*)\s*", text)
    unit = SIZE_UNITS.get(match[2].lower()) if match else None
    if match is None or unit is None or int(match[1]) == 0:
        raise ValueError("write a size such as 1048576, 1 MiB or 50 MB")
    return int(match[1]) * unit


def parse_days(text: str) -> timedelta:
    """A number of days, such as `14` or `14 d`."""
    match = re.fullmatch(r"\s*(\d+)\s*(d|days?)?\s*", text)
    if match is None:
        raise ValueError("write a number of days such as 14")
    return timedelta(days=int(match[1]))


def parse_list(text: str) -> tuple[str, ...]:
    """Comma-separated words, blanks dropped."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def parse_origins(text: str) -> tuple[str, ...]:
    """Exact origins (engine 15.2): scheme, host and port only, no wildcard."""
    for origin in (origins := parse_list(text)):
        if re.fullmatch(r"https?://[^\s/*?#@]+", origin) is None:
            raise ValueError(f"{origin!r} is not an exact origin such as https://app.example.com")
    return origins


def parse_zone(text: str) -> str:
    """The name of a time zone that this machine knows."""
    try:
        ZoneInfo(text)
    except Exception as error:
        raise ValueError("write the name of a time zone such as UTC or Europe/Berlin") from error
    return text


def parse_pattern(text: str) -> str:
    """A regular expression; a leading `^` or trailing `$` is taken off, since the whole name is meant in any case."""
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return text.removeprefix("^").removesuffix("$")


def one_of(*words: str) -> Callable[[str], str]:
    """A parser that lets only these words through."""

    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(f"write one of {', '.join(words)}")
        return text

    return parse


def leading_dot(text: str) -> str:
    """A topic's version part with its dot in front."""
    return text if not text or text.startswith(".") else f".{text}"


def trailing_dot(text: str) -> str:
    """A topic's package or environment part with its dot behind."""
    return text if not text or text.endswith(".") else f"{text}."


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable: its name, what holds without it (a text, or a rule over the fields above it) and what it is for."""

    env: str
    default: str | Callable[[Values], str]
    about: str
    parse: Callable[[str], Any]
    shown: str | None = None

    @property
    def default_words(self) -> str:
        """What the documentation prints as the default."""
        if self.shown is not None:
            return self.shown
        return f"`{self.default}`" if isinstance(self.default, str) and self.default else "empty"


def setting(
    env: str,
    default: str | Callable[[Values], str],
    about: str,
    parse: Callable[[str], Any] = str,
    *,
    shown: str | None = None,
    secret: bool = False,
) -> Any:
    """A field of `Config` that is read from variable `env`; secret ones stay out of its repr."""
    return field(repr=not secret, metadata={"setting": Setting(env, default, about, parse, shown)})


def topic(env: str, body: str, about: str) -> Any:
    """A field that holds a topic name, built from the three naming parts unless its variable is set (scenarios 1.1)."""

    def name(values: Values) -> str:
        return f"{values['naming_package']}{values['naming_environment']}{body}{values['naming_version']}"

    return setting(env, name, about, shown=f"`ai.flowx.dev.{body}.v1`, with the naming parts in force")


def receive_pattern(values: Values) -> str:
    """What the engine listens to unless told otherwise; only the dot needs escaping in legal topic names."""
    prefix = f"{values['naming_package']}{values['naming_environment']}engine.receive.".replace(".", r"\.")
    return prefix + ".*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All settings; made by `read_config`, which also says what is wrong with them."""

    production: bool = setting("FLOWX_PRODUCTION", "false", "Refuse to start on unsafe settings.", parse_flag)
    debug: bool = setting("DEBUG", "false", "Django's debug pages; never in production.", parse_flag)
    secret_key: str = setting(
        "SECRET_KEY", DEVELOPMENT_KEY, "Signs sessions and tickets.", shown="a known key; `demo` makes one", secret=True
    )
    allowed_hosts: tuple[str, ...] = setting(
        "ALLOWED_HOSTS",
        lambda values: "" if values["production"] else "localhost,127.0.0.1,[::1]",
        "Host names that are answered, joined by commas.",
        parse_list,
        shown="this machine; empty in production",
    )
    var_dir: Path = setting(
        "FLOWX_VAR", str(BASE_DIR / "var"), "Folder for what the program writes by itself.", Path, shown="`var`"
    )
    database_url: str = setting(
        "DATABASE_URL",
        lambda values: f"sqlite:///{values['var_dir'] / 'flowx.sqlite3'}",
        "Database: PostgreSQL 15 or later, SQLite for development.",
        shown="SQLite in `FLOWX_VAR`",
        secret=True,
    )
    db_pool_size: int = setting("FLOWX_DB_POOL_SIZE", "10", "Connections per process (PostgreSQL).", parse_count)
    share_commits: bool = setting(
        "FLOWX_SHARE_COMMITS", "true", "Concurrent calls of one process share transactions (PostgreSQL).", parse_flag
    )
    db_prepare: bool = setting(
        "FLOWX_DB_PREPARE",
        "true",
        "Keep prepared statements on PostgreSQL and start connections with `jit=off`; `false` behind a pooler by transaction"
        " that loses them (PgBouncer before 1.21): then switch `jit` off for the database's role.",
        parse_flag,
    )
    redis_url: str = setting(
        "REDIS_URL", "redis://127.0.0.1:6379/0", "Redis: wake-ups, sockets, Celery. May be emptied.", secret=True
    )
    environment: str = setting("FLOWX_ENVIRONMENT", "dev", "Chooses the topics and parameters of this environment.")
    time_zone: str = setting("TIME_ZONE", "UTC", "Zone of calendar steps and cron expressions.", parse_zone)
    frontend_origins: tuple[str, ...] = setting(
        "FLOWX_FRONTEND_ORIGINS", "", "Exact origins of web apps: CORS, sockets, CSRF.", parse_origins
    )
    oidc_issuer: str = setting("FLOWX_OIDC_ISSUER", "", "Turns bearer tokens of this issuer on.")
    oidc_audience: str = setting("FLOWX_OIDC_AUDIENCE", "", "Audience that those tokens must name.")
    oidc_user_claim: str = setting("FLOWX_OIDC_USER_CLAIM", "sub", "Claim with the user's name.")
    oidc_groups_claim: str = setting("FLOWX_OIDC_GROUPS_CLAIM", "groups", "Claim with the user's groups.")
    process_start_auth: str = setting(
        "FLOWX_PROCESS_START_AUTH",
        "jwt",
        "Who may start over Kafka: the header's token, or the broker's ACLs (`trusted`).",
        one_of("jwt", "trusted"),
    )
    start_rate: int = setting("FLOWX_START_RATE", "60", "Starts per user and minute.", parse_count)
    expire_subprocesses: bool = setting(
        "FLOWX_PROCESS_EXPIRE_SUBPROCESSES", "true", "Subprocesses end with an expired parent.", parse_flag
    )
    max_body: int = setting("FLOWX_MAX_BODY", "1 MiB", "Largest JSON body of a call.", parse_size)
    max_params: int = setting("FLOWX_MAX_PARAMS", "1 MiB", "Largest data of an instance.", parse_size)
    max_frame: int = setting("FLOWX_MAX_FRAME", "256 KiB", "Largest frame to a browser.", parse_size)
    max_template: int = setting("FLOWX_MAX_TEMPLATE", "256 KiB", "Largest message template.", parse_size)
    max_upload: int = setting("FLOWX_MAX_UPLOAD", "50 MB", "Largest uploaded file.", parse_size)
    upload_scan: str = setting("FLOWX_UPLOAD_SCAN", "", "Dotted name of a function that scans uploads.")
    keep_outbox: timedelta = setting("FLOWX_KEEP_OUTBOX", "14 d", "Sent messages are kept so long.", parse_days)
    keep_journal: timedelta = setting(
        "FLOWX_KEEP_JOURNAL", "90 d", "Journal and instance are kept so long after its end.", parse_days
    )
    keep_received: timedelta = setting("FLOWX_KEEP_RECEIVED", "30 d", "Late and unmatched records.", parse_days)
    keep_dead: timedelta = setting("FLOWX_KEEP_DEAD", "90 d", "Dead records.", parse_days)
    keep_failed_starts: timedelta = setting("FLOWX_KEEP_FAILED_STARTS", "30 d", "Refused starts.", parse_days)
    keep_test_runs: timedelta = setting("FLOWX_KEEP_TEST_RUNS", "7 d", "Instances of drafts.", parse_days)
    websocket_url: str = setting("WEB_SOCKET_SERVER_URL_EXTERNAL", "", "Told to clients; informative.")
    websocket_port: str = setting("WEB_SOCKET_SERVER_URL_PORT", "", "Told to clients; informative.")
    websocket_path: str = setting("WEB_SOCKET_SERVER_URL_PATH", "/ws/updates/process", "Path of the sockets.")
    kafka_bootstrap: str = setting("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092", "Brokers, joined by commas.")
    kafka_embedded: bool = setting(
        "FLOWX_KAFKA_EMBEDDED", "false", "The broker is the embedded one; set by `demo` and tests.", parse_flag
    )
    kafka_group_protocol: str = setting(
        "KAFKA_GROUP_PROTOCOL",
        lambda values: "consumer" if values["kafka_embedded"] else "classic",
        "Consumer groups: `classic` takes in new topics in seconds, `consumer` is KIP-848.",
        one_of("classic", "consumer"),
        shown="`classic`; `consumer` on the embedded broker",
    )
    kafka_message_max_bytes: int = setting("KAFKA_MESSAGE_MAX_BYTES", "1 MiB", "Largest record.", parse_size)
    kafka_auto_offset_reset: str = setting(
        "KAFKA_AUTO_OFFSET_RESET",
        "earliest",
        "Where a topic read for the first time begins.",
        one_of("earliest", "latest"),
    )
    kafka_topic_partitions: int = setting("KAFKA_TOPIC_PARTITIONS", "6", "For `topics --create`.", parse_count)
    kafka_topic_replication: int = setting("KAFKA_TOPIC_REPLICATION", "1", "For `topics --create`.", parse_count)
    naming_package: str = setting("KAFKA_TOPIC_NAMING_PACKAGE", "ai.flowx.", "First part of topic names.", trailing_dot)
    naming_environment: str = setting("KAFKA_TOPIC_NAMING_ENVIRONMENT", "dev.", "Second part.", trailing_dot)
    naming_version: str = setting("KAFKA_TOPIC_NAMING_VERSION", ".v1", "Last part.", leading_dot)
    kafka_topic_pattern: str = setting(
        "KAFKA_TOPIC_PATTERN",
        receive_pattern,
        "Regular expression of the topics the engine reads; it must match a whole name.",
        parse_pattern,
        shown=r"`ai\.flowx\.dev\.engine\.receive\..*`, with the naming parts in force",
    )
    topic_start_in: str = topic("KAFKA_TOPIC_PROCESS_START_IN", "core.trigger.start.process", "Process starts.")
    topic_start_out: str = topic("KAFKA_TOPIC_PROCESS_START_OUT", "core.confirm.start.process", "Their answers.")
    topic_operations_in: str = topic("KAFKA_TOPIC_PROCESS_OPERATIONS_IN", "core.trigger.operations", "Operations.")
    topic_operations_bulk_in: str = topic(
        "KAFKA_TOPIC_PROCESS_OPERATIONS_BULK_IN", "core.trigger.operations.bulk", "Operations on many instances."
    )
    topic_events: str = topic("KAFKA_TOPIC_PROCESS_EVENT_MESSAGE", "core.message.event.process", "Message events.")
    kafka_security_protocol: str = setting("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT", "As librdkafka names it.")
    kafka_sasl_mechanism: str = setting("KAFKA_SASL_MECHANISM", "", "As librdkafka names it.")
    kafka_sasl_username: str = setting("KAFKA_SASL_USERNAME", "", "User at the broker.")
    kafka_sasl_password: str = setting("KAFKA_SASL_PASSWORD", "", "Password at the broker.", secret=True)
    kafka_ssl_ca_location: str = setting("KAFKA_SSL_CA_LOCATION", "", "File of the authority's certificate.")
    kafka_ssl_certificate_location: str = setting("KAFKA_SSL_CERTIFICATE_LOCATION", "", "File of our certificate.")
    kafka_ssl_key_location: str = setting("KAFKA_SSL_KEY_LOCATION", "", "File of our key.")
    kafka_ssl_key_password: str = setting("KAFKA_SSL_KEY_PASSWORD", "", "Opens the key.", secret=True)

    @property
    def kafka_client(self) -> dict[str, str]:
        """What every producer, consumer and admin client shares: brokers and security, in librdkafka's names."""
        security = {
            "security.protocol": self.kafka_security_protocol,
            "sasl.mechanism": self.kafka_sasl_mechanism,
            "sasl.username": self.kafka_sasl_username,
            "sasl.password": self.kafka_sasl_password,
            "ssl.ca.location": self.kafka_ssl_ca_location,
            "ssl.certificate.location": self.kafka_ssl_certificate_location,
            "ssl.key.location": self.kafka_ssl_key_location,
            "ssl.key.password": self.kafka_ssl_key_password,
        }
        return {"bootstrap.servers": self.kafka_bootstrap} | {name: value for name, value in security.items() if value}

    @property
    def subscription(self) -> str:
        """`kafka_topic_pattern` as a subscription that means the whole name under both group protocols."""
        return f"^({self.kafka_topic_pattern})$"

    @property
    def reads(self) -> str:
        """The subscription of the engine's consumer: reply topics, and its own request topics (engine 6.6)."""
        own = (self.topic_start_in, self.topic_operations_in, self.topic_operations_bulk_in, self.topic_events)
        return f"^({'|'.join([self.kafka_topic_pattern, *(name.replace('.', '[.]') for name in own)])})$"

    def receives(self, topic_name: str) -> bool:
        """Whether the engine listens to a topic as a reply topic (E-131)."""
        return re.fullmatch(self.kafka_topic_pattern, topic_name) is not None


def described() -> list[Setting]:
    """All settings in the order of the documentation."""
    return [part.metadata["setting"] for part in fields(Config)]


def unknown_names(environ: Mapping[str, str]) -> list[str]:
    """Names that begin with FLOWX_ and that nothing reads: most often a slip of the pen (E-243)."""
    known = {item.env for item in described()}
    return sorted(
        name
        for name in environ
        if name.startswith("FLOWX_") and name not in known and not name.startswith(FREE_PREFIXES)
    )


def unsafe(config: Config) -> list[str]:
    """What may not be so in production, one sentence each (E-243)."""
    key = config.secret_key
    reasons = {
        "SECRET_KEY is missing or known; set it to 50 or more random characters.": (
            key in ("", DEVELOPMENT_KEY) or key.startswith("django-insecure") or len(key) < 50
        ),
        "DEBUG is on; leave it out.": config.debug,
        "DATABASE_URL names SQLite; use PostgreSQL.": config.database_url.startswith(("sqlite", "spatialite")),
        "ALLOWED_HOSTS is empty; name the hosts that are served.": not config.allowed_hosts,
        "ALLOWED_HOSTS has a wildcard; name the hosts that are served.": any("*" in h for h in config.allowed_hosts),
    }
    return [sentence for sentence, is_so in reasons.items() if is_so]


def read_config(environ: Mapping[str, str]) -> Config:
    """Reads `environ`; raises ImproperlyConfigured naming each one that is wrong or, in production, unsafe."""
    values: dict[str, Any] = {}
    faults: list[str] = []
    for part in fields(Config):
        item: Setting = part.metadata["setting"]
        default = item.default if isinstance(item.default, str) else item.default(values)
        text = environ.get(item.env, default)
        try:
            values[part.name] = item.parse(text)
        except ValueError as error:
            faults.append(f"{item.env}: {error}.")
            values[part.name] = item.parse(default)
    config = Config(**values)
    if config.production:
        faults += unsafe(config)
    if faults:
        raise ImproperlyConfigured("The settings do not allow a start. " + " ".join(faults))
    return config


def settings_table() -> str:
    """The documentation's table of settings, as Markdown."""
    rows = (f"| `{item.env}` | {item.default_words} | {item.about} |" for item in described())
    return "\n".join(("| Name | Default | What it is for |", "|---|---|---|", *rows))


config = read_config(os.environ)
if surplus := unknown_names(os.environ):
    logging.getLogger("flowx").warning("Nothing reads these settings, check their names: %s", ", ".join(surplus))

if __name__ == "__main__":
    print(settings_table())
