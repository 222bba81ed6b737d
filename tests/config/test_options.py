from __future__ import annotations

from pathlib import Path

import pytest

from config.options import load_options, read_secret
from config.secrets import kept_secret
from dashboard.options import DashboardOptions
from ingest.options import OptionsError


def load(tmp_path: Path, text: str, **environ: str):
    file = tmp_path / "eventscope.toml"
    file.write_text(text, encoding="utf-8")
    return load_options({"EVENTSCOPE_CONFIG": str(file), **environ})


def refusal(tmp_path: Path, text: str) -> str:
    with pytest.raises(OptionsError) as refused:
        load(tmp_path, text)
    return str(refused.value).removeprefix(str(tmp_path) + "/")


def test_an_empty_file_means_the_guides_own_values(tmp_path: Path) -> None:
    options = load(tmp_path, "")
    assert options.dashboard == DashboardOptions()
    health, scaling = options.dashboard.health, options.dashboard.scaling
    assert (health.interval, health.timeout, health.unhealthy_threshold) == (30, 5, 3)
    assert scaling.partitions == {
        "orders-topic": 12,
        "payments-topic": 8,
        "notifications-topic": 4,
    }
    assert (scaling.cpu, scaling.memory, scaling.message_backlog) == (70, 80, 1000)
    letters = options.dashboard.dead_letters
    assert (letters.max_retries, letters.retry_delay) == (3, 300)
    breakers = options.ingest.circuit_breakers
    assert (breakers.failure_threshold, breakers.reset_timeout) == (5, 60)
    assert (breakers.half_open_timeout, breakers.alert_threshold) == (30, 0.1)
    objectives = options.dashboard.objectives
    assert (objectives.p50, objectives.p95, objectives.p99) == (0.05, 0.2, 0.5)
    assert (objectives.error_rate, objectives.peak_load) == (0.001, 5000)


def test_every_section_of_the_contract_is_read(tmp_path: Path) -> None:
    options = load(
        tmp_path,
        """
        [brokers.main]
        type = "redis"
        topics = ["orders-*"]
        [brokers.big]
        type = "kafka"
        bootstrap_servers = ["kafka:9092"]
        [dead_letters]
        retry_delay = "90s"
        [dead_letters.handlers]
        ORDER_PROCESSING_ERROR = ["notify-admin", "log"]
        [circuit_breakers]
        failure_threshold = 7
        [objectives]
        error_rate = "0.5%"
        [health]
        interval = "10s"
        [[health.components]]
        name = "shop"
        url = "https://shop.example/health"
        [scaling.partitions]
        orders-topic = 24
        [web]
        max_connections = 50
        [[mapping]]
        topics = ["legacy-*"]
        id = "msg.id"
        [index]
        paths = ["payload.sku"]
        [entities.order]
        types = ["ORDER_*"]
        id = "payload.orderId"
        [privacy]
        redact = ["payload.card"]
        [retention]
        events = "3d"
        metrics = {"1s" = "1h"}
        [alerts]
        for = "30s"
        """,
    )
    ingest, dashboard = options.ingest, options.dashboard
    assert ingest.brokers["main"].topics == ("orders-*",)
    assert ingest.brokers["big"].bootstrap_servers == ("kafka:9092",)
    assert dashboard.dead_letters.handlers == {"ORDER_PROCESSING_ERROR": ("notify-admin", "log")}
    assert dashboard.objectives.error_rate == 0.005
    assert dashboard.health.components[0].name == "shop"
    assert dashboard.scaling.partitions == {"orders-topic": 24}
    assert ingest.retention.metrics.second == 3600
    assert ingest.retention.metrics.minute == 14 * 86400
    assert ingest.entities["order"].id == "payload.orderId"
    assert dashboard.alerts.for_ == 30


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[helth]\n", "eventscope.toml: helth: unknown section; expected one of alerts, brokers,"),
        (
            "[health]\nintervall = 3\n",
            "eventscope.toml: health: Object contains unknown field `intervall`; expected one of interval,",
        ),
        (
            "[[health.components]]\nname = 'a'\nurls = 'b'\n",
            "eventscope.toml: health.components[0]: Object contains unknown field `urls`;"
            " expected one of name, url, check, service",
        ),
        (
            "[brokers.main]\ntype = 'rabbit'\n",
            "eventscope.toml: brokers.main.type: Invalid enum value 'rabbit'; expected one of",
        ),
        (
            "[objectives]\nerror_rate = true\n",
            "eventscope.toml: objectives.error_rate: Expected a share such as '0.1%' or 0.001",
        ),
        (
            "[scaling]\nmin_instances = 11\n",
            "eventscope.toml: scaling: Expected min_instances of at most max_instances (10), got 11",
        ),
        (
            "[health]\ninterval = 'soon'\n",
            "eventscope.toml: health.interval: Expected a duration such as '30s' or '5m', got 'soon'",
        ),
        (
            "[web]\nmax_connections = 0\n",
            "eventscope.toml: web.max_connections: Expected `int` >= 1",
        ),
        (
            "[web]\nmax_connections = 'many'\n",
            "eventscope.toml: web.max_connections: Expected `int`, got `str`",
        ),
        (
            "[objectives]\nerror_rate = '200%'\n",
            "eventscope.toml: objectives.error_rate: Expected a share such as '0.1%' or 0.001",
        ),
        ("[brokers.main]\ntype = 'rabbit'\n", "eventscope.toml: brokers"),
        ("a = [\n", "eventscope.toml: not readable as TOML:"),
    ],
)
def test_what_is_wrong_is_named_by_file_key_and_expectation(
    tmp_path: Path, text: str, message: str
) -> None:
    assert refusal(tmp_path, text).startswith(message)


def test_a_check_that_is_an_address_is_a_url(tmp_path: Path) -> None:
    text = "[[health.components]]\nname = 'db'\ncheck = 'tcp://127.0.0.1:5432'\n"
    [component] = load(tmp_path, text).dashboard.health.components
    assert (component.url, component.check) == ("tcp://127.0.0.1:5432", "")


def test_a_named_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionsError, match="does not exist"):
        load_options({"EVENTSCOPE_CONFIG": str(tmp_path / "none.toml")})


def test_redis_url_wins_over_the_file_for_main(tmp_path: Path) -> None:
    text = "[brokers.main]\nurl='redis://file/0'\n[brokers.other]\nurl='redis://other/0'\n"
    brokers = load(tmp_path, text, REDIS_URL="redis://env/0").ingest.brokers
    assert brokers["main"].url == "redis://env/0"
    assert brokers["other"].url == "redis://other/0"


@pytest.mark.parametrize(
    ("text", "environ", "embedded"),
    [
        ("", {}, True),
        ("", {"REDIS_URL": "redis://x/0"}, False),
        ("[brokers.main]\nurl='redis://x/0'\n", {}, False),
        ("[brokers.main]\ntype='kafka'\n", {}, False),
    ],
)
def test_a_broker_is_embedded_only_when_none_is_configured(
    tmp_path: Path, text: str, environ: dict[str, str], embedded: bool
) -> None:
    assert load(tmp_path, text, **environ).embedded_broker is embedded


def test_secrets_may_come_from_files(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("hush\n", encoding="utf-8")
    assert read_secret({"PASS_FILE": str(file)}, "PASS") == "hush"
    assert read_secret({"PASS_FILE": str(file), "PASS": "env"}, "PASS") == "env"
    with pytest.raises(OptionsError, match="PASS_FILE: cannot read"):
        read_secret({"PASS_FILE": str(tmp_path / "none")}, "PASS")


def test_the_kept_secret_is_made_once_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "data" / "secret-key"
    first = kept_secret(path)
    assert len(first) > 50
    assert kept_secret(path) == first
    assert path.stat().st_mode & 0o777 == 0o600


SECURED = """
[brokers.big-one]
type = "kafka"
[brokers.big-one.security]
protocol = "sasl_ssl"
mechanism = "SCRAM-SHA-512"
username = "ann"
"""


def test_secrets_of_a_broker_come_from_the_environment_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("of-the-key\n", encoding="utf-8")

    options = load(
        tmp_path,
        SECURED + 'password = "of the file"\ncertificate_file = "a"\nkey_file = "b"',
        EVENTSCOPE_BROKER_BIG_ONE_PASSWORD="of the environment",
        EVENTSCOPE_BROKER_BIG_ONE_KEY_PASSWORD_FILE=str(tmp_path / "key"),
    )

    security = options.ingest.brokers["big-one"].security
    assert (security.password, security.key_password) == ("of the environment", "of-the-key")
    assert "of the environment" not in repr(options)
    assert "of-the-key" not in repr(options)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ('protocol = "sasl_ssl"', "Expected mechanism and username beside protocol sasl_ssl"),
        ('protocol = "tls"', "Invalid enum value 'tls'"),
        ('colour = "green"', "Object contains unknown field `colour`"),
        ('username = "ann"', "Expected protocol sasl_ssl or sasl_plaintext beside username"),
        ('ca_file = "ca.pem"', "Expected protocol ssl or sasl_ssl beside ca_file"),
        (
            'protocol = "ssl"\ncertificate_file = "a"',
            "Expected certificate_file and key_file together",
        ),
        (
            'protocol = "sasl_plaintext"\nmechanism = "DIGEST"\nusername = "ann"',
            "Invalid enum value 'DIGEST'; expected one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512",
        ),
    ],
)
def test_security_that_would_not_be_used_is_refused(
    tmp_path: Path, lines: str, expected: str
) -> None:
    told = refusal(tmp_path, f'[brokers.main]\ntype = "kafka"\n[brokers.main.security]\n{lines}')

    assert told.startswith("eventscope.toml: brokers.main.security")
    assert expected in told


def test_an_account_without_a_password_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, SECURED) == (
        "eventscope.toml: brokers.big-one.security.password: Expected the password of ann, "
        "here or in EVENTSCOPE_BROKER_BIG_ONE_PASSWORD"
    )


def test_a_registry_has_its_password_from_the_environment(tmp_path: Path) -> None:
    options = load(
        tmp_path,
        '[brokers.main]\ntype = "kafka"\n[brokers.main.registry]\n'
        'url = "https://registry:8081"\nusername = "ann"\ntimeout = "500ms"',
        EVENTSCOPE_BROKER_MAIN_REGISTRY_PASSWORD="s3cret",
    )

    registry = options.ingest.brokers["main"].registry
    assert registry is not None
    assert (registry.password, registry.timeout) == ("s3cret", 0.5)
    assert "s3cret" not in repr(options)


@pytest.mark.parametrize(
    ("kind", "lines", "expected"),
    [
        ("redis", 'url = "http://a"', "Expected registry beside type kafka only"),
        ("kafka", 'url = "a:8081"', "Expected an http or https url of a registry"),
        ("kafka", 'url = "http://ann:s3cret@a"', "Expected an http or https url of a registry"),
        ("kafka", 'url = "http://a"\nca_file = "x"', "Expected an https url beside ca_file"),
        ("kafka", 'url = "http://a"\npassword = "x"', "Expected username beside password"),
        ("kafka", 'url = "http://a"\ntimeout = "1m"', "Expected a timeout of at most 30 s"),
        ("kafka", 'url = "http://a"\ncolour = "x"', "Object contains unknown field `colour`"),
    ],
)
def test_a_registry_that_cannot_be_asked_is_refused(
    tmp_path: Path, kind: str, lines: str, expected: str
) -> None:
    told = refusal(tmp_path, f'[brokers.main]\ntype = "{kind}"\n[brokers.main.registry]\n{lines}')

    assert told.startswith("eventscope.toml: brokers.main")
    assert expected in told
    assert "s3cret" not in told
