"""Jobs that do their worst to their own folder, their runner, their log and what they show."""

FORGED = '{"status": "Finished", "ended": "2026-11-26T10:00:00.000Z", "reason": "forged"}'
BEGIN = "import json, os, signal, sys, time\nos.chdir(os.environ['KD_JOB_DIR'])\n"
CODES = {
    "forges-its-end": f"open('exit.json', 'w').write('''{FORGED}''')\ntime.sleep(0.5)",
    "forges-a-late-end": (
        f"open('exit.json', 'w').write('''{FORGED}''')\n"
        "os.utime('exit.json', (2**33, 2**33))\ntime.sleep(0.5)"
    ),
    "removes-its-records": (
        "for name in os.listdir('.'):\n    if name != 'log': os.unlink(name)\ntime.sleep(0.5)"
    ),
    "spoils-its-records": (
        "for name in ('job.json', 'started.json', 'code.py', 'usage.json'):\n"
        "    open(name, 'wb').write(b'\\xff{[')\ntime.sleep(0.5)"
    ),
    "puts-pipes": (
        "for name in ('log-times.jsonl', 'outputs.jsonl', 'usage.json', 'failure.json'):\n"
        "    if os.path.exists(name): os.unlink(name)\n    os.mkfifo(name)\n"
        "os.rename('log', 'old'); os.mkfifo('log')\ntime.sleep(0.5)"
    ),
    "puts-links": (
        "for name in ('outputs.jsonl', 'usage.json', 'failure.json', 'log-times.jsonl'):\n"
        "    if os.path.exists(name): os.unlink(name)\n    os.symlink('/etc/passwd', name)\n"
        "os.rename('log', 'old'); os.symlink('/dev/zero', 'log')\ntime.sleep(0.5)"
    ),
    "puts-folders": (
        "os.unlink('started.json')\nfor name in ('exit.json', 'started.json', 'cancel.json'):\n"
        "    os.mkdir(name)\n"
    ),
    "writes-without-end": (
        "for name in ('outputs.jsonl', 'usage-times.jsonl', 'job.json'):\n"
        "    os.truncate(os.open(name, os.O_CREAT | os.O_RDWR), 2**40)\ntime.sleep(0.5)"
    ),
    "shows-what-is-no-json": (
        "display({'application/json': {'v': float('nan')}, 'text/html': '\\ud83d'}, raw=True)\n"
        "open('outputs.jsonl', 'ab').write(b'{\"offset\": NaN}\\n\\xe9\\n{\"off')\n"
        "display({'text/html': 'after'}, raw=True)"
    ),
    "prints-garbage": (
        "os.write(1, bytes(range(256)) * 100)\nos.write(1, b'\\x1b[65000Cx\\r' * 1000)\n"
        "os.write(1, b'x' * 1000000)\nprint('\\ud83d'.encode('utf-8', 'surrogatepass'))"
    ),
    "raises-the-unwritable": (
        "class Odd(Exception):\n    def __str__(self): return self.missing\n"
        "bad = '\\ud83d' * 1000\nraise Odd"
    ),
    "truncates-its-log": "print('x' * 5000)\nos.truncate('log', 0)\nprint('after')",
    "kills-its-runner": "os.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(5)",
    "leaves-a-process": (
        "if os.fork() == 0:\n    os.setsid()\n    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "    time.sleep(300)"
    ),
    "hides-its-folder": "os.chmod('.', 0)\ntime.sleep(0.5)",
}
