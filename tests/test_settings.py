"""Settings: which layer wins, what is refused, and what is shown."""

from __future__ import annotations

from datetime import timedelta
from importlib.resources import files
from pathlib import Path

import pytest

from payonce.accounts import Simulated, Stripe
from payonce.base.errors import Refused
from payonce.decisions import DEFAULTS
from payonce.domain.breaker import Breaker, Caps, Limits
from payonce.installation import of_settings
from payonce.jobs.timetable import NAMES as JOBS
from payonce.settings import NAMES, Settings, load, show_duration

KEY, SECRET = "sk_test_1234567890123456", "whsec_1234567890123456"
STRIPE = {"PAYONCE_STRIPE_API_KEY": KEY, "PAYONCE_STRIPE_WEBHOOK_SECRET": SECRET}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without a settings file."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settings(environ: dict[str, str] | None = None, **flags: object) -> Settings:
    return load(flags, environ=environ or {})


def refused(environ: dict[str, str], **flags: object) -> Refused:
    with pytest.raises(Refused) as caught:
        settings(environ, **flags)
    return caught.value


def test_a_flag_stands_above_the_environment_above_the_file_above_the_default(elsewhere: Path) -> None:
    (elsewhere / "payonce.toml").write_text('port = 1\nhost = "10.0.0.1"\nlog_level = "error"\n')
    found = settings({"PAYONCE_PORT": "2", "PAYONCE_HOST": "10.0.0.2"}, port=3)
    assert (found.port, found.host, found.log_level, found.merchant) == (3, "10.0.0.2", "error", "default")
    origins = [found.origins[name] for name in ("port", "host", "log_level", "merchant")]
    assert origins == ["flag", "environment", "payonce.toml", "default"]


def test_a_named_file_must_exist(elsewhere: Path) -> None:
    assert refused({"PAYONCE_CONFIG": str(elsewhere / "none.toml")}).code == "setting_invalid"
    (elsewhere / "other.toml").write_text("port = 7\n")
    assert settings({"PAYONCE_CONFIG": str(elsewhere / "other.toml")}).port == 7


def test_an_unknown_name_is_an_error_that_says_the_nearest_one(elsewhere: Path) -> None:
    error = refused({"PAYONCE_STRIPE_WEBHOK_SECRET": "x"})
    assert (error.code, error.hint) == ("setting_unknown", "Did you mean PAYONCE_STRIPE_WEBHOOK_SECRET?")
    (elsewhere / "payonce.toml").write_text("prot = 1\n")
    assert refused({}).hint == "Did you mean 'port' in payonce.toml?"


def test_variables_that_a_container_platform_makes_up_are_not_settings() -> None:
    made_up = {
        "PAYONCE_PORT": "tcp://10.0.0.5:8080", "PAYONCE_SERVICE_HOST": "10.0.0.5", "PAYONCE_SERVICE_PORT": "8080",
        "PAYONCE_PORT_8080_TCP": "tcp://10.0.0.5:8080", "PAYONCE_PORT_8080_TCP_ADDR": "10.0.0.5",
        "PAYONCE_SERVICE_PORT_HTTP": "8080",
    }  # fmt: skip
    assert settings(made_up).port == 8080


@pytest.mark.parametrize(
    ("environ", "code", "says"),
    [
        ({"PAYONCE_STRIPE_API_KEY": KEY}, "secret_missing", "PAYONCE_STRIPE_WEBHOOK_SECRET is missing"),
        ({"PAYONCE_STRIPE_API_KEY": KEY, "PAYONCE_STRIPE_WEBHOOK_SECRET": ""}, "secret_missing", "missing"),
        ({"PAYONCE_STRIPE_API_KEY": KEY, "PAYONCE_STRIPE_WEBHOOK_SECRET": " , "}, "secret_missing", "missing"),
        ({"PAYONCE_STRIPE_API_KEY": "", "PAYONCE_STRIPE_WEBHOOK_SECRET": ""}, "secret_missing", "SECRET are empty"),
        ({"PAYONCE_STRIPE_API_KEY": ""}, "secret_missing", "API_KEY and PAYONCE_STRIPE_WEBHOOK_SECRET are empty"),
        ({"PAYONCE_STRIPE_API_BASE": "http://127.0.0.1:9"}, "secret_missing", "PAYONCE_STRIPE_API_KEY and"),
        ({"PAYONCE_STRIPE_WEBHOOK_SECRET": SECRET}, "secret_missing", "PAYONCE_STRIPE_API_KEY is missing"),
        ({"PAYONCE_API_KEY": ""}, "secret_weak", "empty"),
        ({"PAYONCE_API_KEY": "short"}, "secret_weak", "shorter"),
        ({"PAYONCE_API_KEY": "Your-Api-Key"}, "secret_weak", "sample"),
        ({"PAYONCE_WEBHOOK_URL": "https://shop.example"}, "secret_missing", "PAYONCE_WEBHOOK_SECRET is missing"),
        ({"PAYONCE_WEBHOOK_URL": "https://shop.example", "PAYONCE_WEBHOOK_SECRET": ""}, "secret_weak", "empty"),
    ],
)  # fmt: skip
def test_nothing_starts_without_the_secrets_that_it_needs(environ: dict[str, str], code: str, says: str) -> None:
    """B16: an empty, missing, short or sample secret refuses to start."""
    error = refused(environ)
    assert error.code == code
    assert says in error.message


def test_no_error_repeats_a_secret() -> None:
    error = refused({"PAYONCE_API_KEY": "tiny!secret"})
    assert "tiny!secret" not in f"{error.message}{error.hint}{error.detail}"


def test_a_secret_may_contain_what_samples_are_made_of() -> None:
    assert settings({"PAYONCE_API_KEY": "my-password-test-changeme-4711"}).api_key is not None


def test_the_simulators_never_stand_beside_real_keys() -> None:
    assert refused(STRIPE, simulate=True).code == "simulator_refused"
    assert isinstance(of_settings(settings(STRIPE)).accounts[0], Stripe)
    assert all(isinstance(account, Simulated) for account in of_settings(settings()).accounts)


def test_the_simulators_listen_behind_the_service_or_where_they_are_told() -> None:
    def ports(**environ: str) -> list[int]:
        found = of_settings(settings(dict(environ))).accounts
        return [account.port for account in found if isinstance(account, Simulated)]

    count = len(ports())
    assert ports() == [8081 + number for number in range(count)]
    assert ports(PAYONCE_PORT="0") == ports(PAYONCE_PORT="65535") == [0] * count
    assert ports(PAYONCE_SIMULATOR_PORT="9001") == [9001 + number for number in range(count)]


def test_several_signing_secrets_stand_while_one_is_rolled() -> None:
    [account] = settings(STRIPE | {"PAYONCE_STRIPE_WEBHOOK_SECRET": f"{SECRET}, whsec_new_1234567890"}).accounts
    assert isinstance(account, Stripe)
    assert account.webhook_secrets == (SECRET, "whsec_new_1234567890")


def test_a_database_is_named_by_its_usual_variables() -> None:
    assert of_settings(settings()).database_url is None
    assert of_settings(settings({"DATABASE_URL": "postgresql://a/b"})).database_url == "postgresql://a/b"
    assert of_settings(settings({"PAYONCE_DATABASE_URL": "postgresql://a/c"})).database_url == "postgresql://a/c"
    assert of_settings(settings({"PGHOST": "db.example"})).database_url == "postgresql://"


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("30m", 1800), ("1h30m", 5400), ("2d", 172800), ("45s", 45), ("0.5", 0.5)]
)
def test_times_are_seconds_or_have_units(text: str, seconds: float) -> None:
    assert settings({"PAYONCE_STALE_AFTER": text}).stale_after == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["soon", "30 minutes", "-5m", "m", "1h x", "9" * 40, "9" * 20 + "d"])
def test_what_is_no_time_is_refused(text: str) -> None:
    assert refused({"PAYONCE_STALE_AFTER": text}).code == "setting_invalid"


def test_times_are_shown_as_people_write_them() -> None:
    shown = [show_duration(timedelta(seconds=seconds)) for seconds in (1800, 86400, 90, 7200, 0.5)]
    assert shown == ["30m", "1d", "90s", "2h", "0.5s"]


def test_a_policy_that_cannot_keep_its_promises_is_refused() -> None:
    assert refused({"PAYONCE_LEASE": "10s"}).param == "lease"
    assert refused({"PAYONCE_LONGEST_WAIT": "2m"}).param == "longest_wait"
    assert refused({"PAYONCE_STALE_AFTER": "0"}).param == "stale_after"


def test_jobs_are_switched_by_the_environment(elsewhere: Path) -> None:
    """A10: an environment variable is one of the switches of a job."""
    (elsewhere / "payonce.toml").write_text('[jobs]\nclose = "10m"\nretry = "off"\n')
    found = settings({"PAYONCE_JOB_DELIVER": "off", "PAYONCE_JOB_RETRY": "ON"})
    assert found.switches == {"close": 600.0, "retry": "on", "deliver": "off"}
    error = refused({"PAYONCE_JOB_RETRY": "perhaps"})
    assert "PAYONCE_JOB_RETRY" in error.message


@pytest.mark.parametrize("environ", [{}, {"PAYONCE_JOB_RETRY": "on"}])
def test_switches_that_are_no_table_are_refused(elsewhere: Path, environ: dict[str, str]) -> None:
    """Found by the fuzzer, as are times that no clock can hold."""
    (elsewhere / "payonce.toml").write_text("jobs = 9000\n")
    error = refused(environ)
    assert (error.code, error.param) == ("setting_invalid", "jobs") and "payonce.toml" in error.message


def test_the_four_decisions_are_made_and_each_says_why() -> None:
    """B5: key, database failure, events and atomicity, each with value, reason, who and when."""
    found = settings().decisions
    assert [decision.name for decision in found] == ["idempotency_key", "database_failure", "events", "atomicity"]
    assert all(each.value and each.reason and each.who and each.when for each in found)
    assert {each.origin for each in found} == {"default"}


def test_the_file_decides_and_its_strategy_is_in_force(elsewhere: Path) -> None:
    """B5: what is in the policy file is what is done."""
    decision = '[decisions.idempotency_key]\nvalue = "attempt"\nreason = "because"\nwho = "linh"\nwhen = "2026-05-01"\n'
    (elsewhere / "payonce.toml").write_text(decision)
    found = settings()
    assert (found.strategy, found.policy.strategy) == ("attempt", "attempt")
    assert found.decisions[0].who == "linh"
    assert settings({"PAYONCE_STRATEGY": "reuse"}).strategy == "reuse"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[decisions.colour]\nvalue = "x"\n', "is no decision"),
        (
            '[decisions.atomicity]\nvalue = "sometimes"\nreason = "r"\nwho = "w"\nwhen = "d"\n',
            "it can be one_transaction",
        ),
        ('[decisions.atomicity]\nvalue = "one_transaction"\nreason = "r"\nwho = ""\nwhen = "d"\n', "does not say who"),
        ('[decisions.atomicity]\nvalue = "one_transaction"\nwhy = "r"\n', "has 'why'"),
    ],
)
def test_a_decision_that_is_not_kept_or_nobody_stands_for_is_refused(elsewhere: Path, text: str, says: str) -> None:
    (elsewhere / "payonce.toml").write_text(text)
    error = refused({})
    assert error.code == "decision_invalid"
    assert says in error.message


def test_the_shipped_sample_is_what_is_done_without_it(elsewhere: Path) -> None:
    """B5: the policy file is shipped, with all four decisions in it, and with what becomes of surplus money."""
    text = (files("payonce") / "payonce.sample.toml").read_text("utf-8")
    plain = settings()
    (elsewhere / "payonce.toml").write_text(text)
    found = settings()
    assert [each.value for each in found.decisions] == [each.value for each in DEFAULTS]
    assert all(each.origin == "payonce.toml" for each in found.decisions)
    assert (found.policy, found.policies) == (plain.policy, {})
    assert {each.value for each in found.choices_of("default") if each.origin == "default"} == set()
    # Uncommented, every example is a setting that exists.
    examples, _, more = text.partition("# More accounts")
    lines = [line.removeprefix("# ") for line in examples.splitlines() if line.startswith("# ") and " = " in line]
    assert {line.split(" = ")[0] for line in lines} <= {*NAMES, *JOBS}
    assert set(NAMES) - {line.split(" = ")[0] for line in lines} == {
        "api_key", "jobs", "nowpayments_api_key", "nowpayments_ipn_secret", "nowpayments_password", "simulate",
        "smtp_url", "stripe_api_key", "stripe_webhook_secret", "webhook_secret", "zalopay_key1", "zalopay_key2",
    }  # fmt: skip
    more, _, routes = more.partition("# Who is told of findings")
    more, _, limits = more.partition("# How much one run of a job")
    (elsewhere / "payonce.toml").write_text(as_written(limits))
    assert settings().limits == Limits({"resolve": Caps(40_000, 8_000)}, Breaker(factor=20))
    (elsewhere / "payonce.toml").write_text(as_written(more))
    kept = {"SECOND_STRIPE_KEY": KEY, "SECOND_STRIPE_SECRET": SECRET, "SANDBOX_KEY1": KEY, "SANDBOX_KEY2": KEY}
    accounts = [(each.provider, each.account, each.merchant_id) for each in settings(kept).accounts]
    assert accounts == [("stripe", "second", "second_shop"), ("zalopay", "sandbox", "default")]
    (elsewhere / "payonce.toml").write_text(as_written(routes))
    kept = {
        "OPS_PAGERDUTY": "pagerduty://key@service",
        "OPS_WEBHOOK_SECRET": SECRET,
        "PAYONCE_MAIL_FROM": "a@b.example",
    }
    kept["PAYONCE_SMTP_URL"] = "smtp://127.0.0.1"
    assert [each.means for each in settings(kept).alert_routes] == ["apprise", "mail", "webhook"]


def as_written(examples: str) -> str:
    """Tables that stand in comments, as a person writes them."""
    return examples.partition("\n#\n")[2].replace("\n# ", "\n").replace("\n#\n", "\n").removeprefix("# ")


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("0.0.0.0", "127.0.0.1"),
        ("::", "127.0.0.1"),
        ("::1", "[::1]"),
        ("10.0.0.5", "10.0.0.5"),
        ("pay.example", "pay.example"),
    ],
)
def test_a_service_that_listens_everywhere_is_reached_here(host: str, name: str) -> None:
    assert of_settings(settings(host=host, port=9000)).base_url == f"http://{name}:9000"


@pytest.mark.parametrize("written", ["USD:5000,VND:100000", " USD:5000 , VND:100000"])
def test_thresholds_of_payouts_are_amounts_by_currency(elsewhere: Path, written: str) -> None:
    settings = load(environ={"PAYONCE_PAYOUT_THRESHOLD_MINOR": written})
    assert settings.policy.payout_threshold_minor == {"USD": 5000, "VND": 100_000}
    Path("payonce.toml").write_text("payout_threshold_minor = { USD = 7 }\n")
    assert load(environ={}).policy.payout_threshold_minor == {"USD": 7}


@pytest.mark.parametrize("written", ["5000", "USD", "usd:1", "XXX:1", "USD:-1", "USD:1.5", "USD:"])
def test_a_threshold_that_is_no_amount_is_refused(elsewhere: Path, written: str) -> None:
    with pytest.raises(Refused) as refused:
        load(environ={"PAYONCE_PAYOUT_THRESHOLD_MINOR": written})
    assert refused.value.code == "setting_invalid"
