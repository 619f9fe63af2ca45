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
        "pw",
        "db_pw",
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
        ("pwm", "x"),
        ("spw", "x"),
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


JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"


def test_the_folder_that_a_shell_is_in_is_no_secret() -> None:
    secrets = Secrets({"PWD": "/data/project", "OLDPWD": "/data/old"})
    told = "No such file: '/data/project/train.csv', not in /data/old"
    assert secrets.clean(told) == told
    assert not secrets.hides("folder", "/data/project")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Authorization: Bearer abc.def-123", "Authorization: Bearer [hidden]"),
        ("'Authorization': 'Basic YWRtaW46eA=='", "'Authorization': 'Basic [hidden]'"),
        (f"got {JWT}, expired", "got [hidden], expired"),
        ("connect(host=db pw=hunter2 port=1)", "connect(host=db pw=[hidden] port=1)"),
        ("db_password='a b' is wrong", "db_password=[hidden] is wrong"),
        ("https://x/?user=a&pwd=b&c=d", "https://x/?user=a&pwd=[hidden]&c=d"),
        ("https://x/v1?api_key=SECRET1234567&a=1", "https://x/v1?api_key=[hidden]&a=1"),
        ("bad token=abcdef123456 given", "bad token=[hidden] given"),
        ("max_tokens=4096, tokenizer=bert-base-2", "max_tokens=4096, tokenizer=bert-base-2"),
        ("primary_key=customer_id", "primary_key=customer_id"),
        ("unexpected token: comma", "unexpected token: comma"),
        ("the bearer of news", "the bearer of news"),
        ("Basic statistics.", "Basic statistics."),
        ("a bearer certificate-holder", "a bearer certificate-holder"),
        ("row['password'] is missing", "row['password'] is missing"),
        ("eyJ.x", "eyJ.x"),
        ("spw=3, pwm=4", "spw=3, pwm=4"),
    ],
)
def test_the_message_of_an_exception(text: str, shown: str) -> None:
    assert SECRETS.clean(text) == shown
    assert SECRETS.clean(shown) == shown


PIECES = ["token", "a_", "w" * 50, "://a:", "pwd=''", "token='", "_key_", "pw=", "a_pw_"]
PIECES += ["eyJ-", "token=a", "eyJaaaaaaaa.", "Bearer ", "Bearer " + "a" * 30]


@pytest.mark.parametrize("piece", PIECES)
def test_hostile_text_costs_what_it_is_long(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    began = time.process_time()
    Secrets({}).clean_repr(text)
    assert time.process_time() - began < 3
