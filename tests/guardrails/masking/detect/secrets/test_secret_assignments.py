"""Credentials behind a name, in code, configuration, headers, connection strings and speech."""

from __future__ import annotations

import pytest

from gloveport.guardrails.masking.detect.secrets.values import Name, Setting, about, entropy, score

VALUE = "Tr0ub4dor&3x"
TOKEN = "f3A9c27Be41D08a6Cb55e9F1"


@pytest.mark.parametrize(
    "form",
    [
        'password = "{}"',
        "password: {}",
        "PASSWORD={}",
        "DB_PASSWORD={}\n",
        '"password": "{}"',
        "'db.password' => '{}'",
        "<password>{}</password>",
        "--password {}",
        "--password={}",
        "the password is {} for now",
        "pwd={};Server=db",
        "spring.datasource.password={}",
        "export PGPASSWORD={}",
        'setPassword("x"); password := "{}"',
        "das Passwort ist {}",
        "contraseña: {}",
        "hasło {} (do jutra)",
        "wachtwoord: {}",
        "the password in the vault is wrong, it should be {} instead",
        "mysql -u root -p{} -h db crm",
    ],
)
def test_password(find, form: str) -> None:
    assert ("SECRET", VALUE) in find(form.format(VALUE))


@pytest.mark.parametrize(
    "text",
    [
        "the password must hold Letters, digits and signs",
        "password reset for ann@Acme-2024.com today",
        "docker run -p8080:80 nginx",
        "forgot my password on Monday 12:30, Room_4B is closed",
    ],
)
def test_nothing_said_of_a_password(find, text: str) -> None:
    assert [v for t, v in find(text) if t == "SECRET"] == []


@pytest.mark.parametrize(
    "form",
    [
        "api_key={}",
        'apiKey: "{}"',
        "API-KEY: {}",
        "client_secret = '{}'",
        "Authorization: Bearer {}",
        "Authorization: token {}",
        '{{"access_token":"{}"}}',
        "https://x.org/cb?access_token={}&state=1",
        "auth_token={}",
        "secret: {}",
    ],
)
def test_token(find, form: str) -> None:
    found = find(form.format(TOKEN))
    assert any(kind == "SECRET" and TOKEN in value for kind, value in found) or any(
        TOKEN in value for _, value in found
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("mysql://root:s3cretPw9@10.1.2.3/db", "s3cretPw9"),
        ("amqp://svc:p%40ss1word@mq:5672", "p%40ss1word"),
        ("Authorization: Basic dXNlcjpodW50ZXIy", "dXNlcjpodW50ZXIy"),
        ("curl -u ann:hunter2zz https://x.org", "hunter2zz"),
        ("machine x login ann password hunter2zz", "hunter2zz"),
        ("AccountKey=" + "Ab1" * 28 + "xy==;", "Ab1" * 28 + "xy=="),
    ],
)
def test_other_places(find, text: str, value: str) -> None:
    assert ("SECRET", value) in find(text)


@pytest.mark.parametrize(
    "text",
    [
        "password = os.environ['DB_PASSWORD']",
        "password = get_password(user)",
        'password = "<your password>"',
        "password: ${DB_PASSWORD}",
        "password = None",
        'password_field = "password"',
        "token_type = bearer",
        "passwordResetUrl = https://x.org/reset",
        "Forgot your password? Reset it here.",
        "password: ********",
        "The token expired yesterday.",
        "secret_name: prod-db-credentials",
        "max_tokens=4096",
        "primary key: id",
        "public_key = ssh-ed25519",
        "postgres://localhost/db",
        "postgres://user:${PASS}@host/db",
        "key: value",
        "auth: required",
        "the password is required",
        "password=changeme",
        "session.cookie.name=SID",
    ],
)
def test_what_only_speaks_of_credentials(find, text: str) -> None:
    assert [v for t, v in find(text) if t == "SECRET"] == []


def test_score_orders_what_a_reader_would() -> None:
    def of(value: str, kind: Name = Name.TELLING, tie: Setting = Setting.CONFIG, name: str = "api_key") -> float:
        return score(name, kind, tie, value)

    assert of(TOKEN) > 0.9 > 0.5 > of("production")
    assert (
        of("hunter2", Name.PASSWORD, Setting.QUOTED, "password") > 0.5 > of("hunter2", Name.WEAK, Setting.CODE, "key")
    )
    assert of(TOKEN, name="api_key_id") < of(TOKEN)
    assert of("aaaa") == 0.0


def test_about_and_entropy() -> None:
    assert about("password_reset_url")
    assert about("tokenType")
    assert not about("client_secret")
    assert not about("session_id")
    assert entropy("aaaa") == 0.0
    assert entropy("abcd") == pytest.approx(2.0)
