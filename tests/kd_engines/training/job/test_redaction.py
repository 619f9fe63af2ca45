"""What looks like a secret is hidden, and what only sounds like one is shown."""

import time

import pytest

from kd_engines.training.job.redaction import HIDDEN, Secrets

SECRETS = Secrets({"DB_PASSWORD": "horse-battery", "HOME": "/home/ann", "API_TOKEN": "1"})


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "db_passwd",
        "PWD",
        "token",
        "HF_TOKEN",
        "my_secret",
        "credentials",
        "apiKey",
        "auth_header",
        "api_key",
        "AWS_ACCESS_KEY_ID",
        "private_keys",
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert SECRETS.hides(name, "x")
    assert SECRETS.hides(name, ["x"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_tokens", 512),
        ("tokenizer", "bpe"),
        ("monkey", "x"),
        ("key", "miles"),
        ("keys", ["a", "b"]),
        ("author", "ann"),
        ("home", "/home/ann"),
        ("one", "1"),
    ],
)
def test_names_that_only_sound_so(name: str, value: object) -> None:
    assert not SECRETS.hides(name, value)


def test_a_number_may_be_a_password_and_a_long_key_is_one() -> None:
    assert SECRETS.hides("password", 1234)
    assert SECRETS.hides("key", "k" * 16)


def test_values_of_the_environment_are_hidden_under_any_name_and_inside_texts() -> None:
    assert SECRETS.hides("x", "horse-battery")
    assert SECRETS.clean("login with horse-battery failed") == f"login with {HIDDEN} failed"
    assert SECRETS.clean("home is /home/ann, 1") == "home is /home/ann, 1"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Login(user='a', password='b c')", "Login(user='a', password=[hidden])"),
        ("{'api_key': 'x', 'n': 1}", "{'api_key': [hidden], 'n': 1}"),
        ("token=abc, n=1", "token=[hidden], n=1"),
        ("max_tokens=512, lr=0.1", "max_tokens=512, lr=0.1"),
        ("Pipeline(tokenizer='bpe')", "Pipeline(tokenizer='bpe')"),
        ("db://ann:pw@host/x", "db://ann:[hidden]@host/x"),
        ("a key: 'miles'", "a key: 'miles'"),
    ],
)
def test_texts(text: str, shown: str) -> None:
    assert SECRETS.clean_repr(text) == shown
    assert SECRETS.clean_repr(shown) == shown


@pytest.mark.parametrize("piece", ["token", "a_", "w" * 50, "://a:", "pwd=''", "token='", "_key_"])
def test_hostile_text_costs_what_it_is_long(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    began = time.process_time()
    Secrets({}).clean_repr(text)
    assert time.process_time() - began < 3
