"""What other clients send and other people's scripts do, beside a good model."""

import contextlib
import random
import socket
import threading
from collections.abc import Callable
from urllib.parse import urlsplit

from kd_pipeline.errors import KdError
from tests.chaos.world import ChaosWorld

# Scoring scripts, each of which does its worst where it is loaded or asked.
SCRIPTS = {
    "exits": "import sys\nsys.exit('no licence')",
    "hangs": "import time\ntime.sleep(300)\ndef predict(model, args): return 1",
    "computes": "while True: pass",
    "broken": "def predict(model, args) return 1",
    "crashes": "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)",
    "floods": "print('x' * (1 << 24))\ndef predict(model, args): return 1",
    "eats": "x = bytearray(1 << 28)\ndef predict(model, args): return 1",
    "forks": (
        "import os, time\nfor _ in range(5):\n    if os.fork() == 0:\n        os.setsid()\n"
        "        time.sleep(300)\n        os._exit(0)\ndef predict(model, args): return 1"
    ),
    "closes": "import os\nos.closerange(0, 65536)\ndef predict(model, args): return 1",
    "speaks": (
        "import os, socket\nfor fd in range(3, 64):\n    try:\n"
        "        os.write(fd, b'\\xff' * 64)\n    except OSError: pass\n"
        "def predict(model, args): return 1"
    ),
    "async": "async def predict(model, args): return 1",
    "dies-later": (
        "import os, threading\nthreading.Timer(0.3, os._exit, (5,)).start()\n"
        "def predict(model, args): return 1"
    ),
}
# What the fragile model is asked to do.
DEEDS = (
    "os._exit(3)",
    "sys.exit('negative miles')",
    "os.kill(os.getpid(), 11)",
    "os.kill(os.getpid(), 19)",
    "time.sleep(10)",
    "'x' * (20 << 20)",
    "(_ for _ in ()).throw(KeyboardInterrupt())",
    "os.fork() and 1",
    "__import__('subprocess').Popen(['sleep', '300'], start_new_session=True).pid",
    "[[]] * 10",
)
BAD_ROWS = (
    {"miles": 1, "bad": True},
    {"miles": "text"},
    {"miles": None},
    {"kilometres": 1},
    [{"miles": 1}, {"x": 2}],
    [{"miles": 1, "bad": True}] * 50,
    [],
    "--miles 3",
)


def ask_badly(world: ChaosWorld, rng: random.Random) -> None:
    """Ask the good models for what they cannot do, from several clients at once."""

    def ask() -> None:
        client = world.new_client()
        for _ in range(3):
            with contextlib.suppress(KdError):
                client.predict(rng.choice(("good", "good-old")), "1", rng.choice(BAD_ROWS))

    _at_once(ask, 3)


def ask_the_fragile(world: ChaosWorld, rng: random.Random) -> None:
    """Ask a model for what ends, blocks or floods its worker; nobody waits for the answer."""
    deed = rng.choice(DEEDS)

    def ask() -> None:
        with contextlib.suppress(KdError):
            world.new_client().predict("fragile", "1", {"do": deed})

    threading.Thread(target=ask, daemon=True).start()


def speak_badly(world: ChaosWorld, rng: random.Random) -> None:
    """Send what is no request, or only part of one."""
    endpoint = rng.choice(world.home.connections().cluster("deployment-engine-instance").endpoints)
    token = f"X-Auth-Token: {endpoint.token}\r\n".encode()
    post = b"POST /good/1/predict HTTP/1.1\r\nHost: localhost\r\n" + token
    pieces = rng.choice(
        (
            [b"GET / HTTP/1.1\r\nA: ", *[b"x" * (1 << 20)] * 32],
            [post + b"Content-Length: 1000\r\n\r\n{"],
            [post[:20]],
            [b"\x00\xff" * 1000],
            [b"GET /models HTTP/1.1\r\nHost: [::1\r\n" + token + b"\r\n"],
            [post + b'Content-Length: 27\r\n\r\n{"scoring_args":{"miles":\xe9}}'],
            [post + b'Content-Length: 28\r\n\r\n{"scoring_args":{"miles":NaN}}'],
            [post + b"Content-Length: 5\r\nContent-Length: 50\r\n\r\n{}"],
            [post + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\n{\r\n" * 500],
            [post.replace(b"POST", b"DELETE") + b"\r\n"],
        )
    )

    def speak() -> None:
        host, port = urlsplit(endpoint.url).hostname, urlsplit(endpoint.url).port
        address = (host or "", port or 0)
        with (
            contextlib.suppress(OSError),
            socket.create_connection(address, timeout=2) as connection,
        ):
            for piece in pieces:
                connection.sendall(piece)
            while connection.recv(1 << 16):
                pass

    threading.Thread(target=speak, daemon=True).start()


def _at_once(work: Callable[[], None], count: int) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
