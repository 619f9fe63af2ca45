"""Metrics are read in their usual forms, and from nothing that only looks like one."""

import pytest

from kd_pipeline.messages import Progress
from tests.kd_pipeline.progress.test_reader import BOOSTING_TABLE, read

FASTAI = (
    "epoch     train_loss  valid_loss  accuracy  time    \n"
    "0         0.870000    #na#        0.640000  00:10     \n"
    "1         0.760000    0.700000    0.812500  00:09     \n"
)
FASTAI_LAST = {"train_loss": 0.76, "valid_loss": 0.7, "accuracy": 0.8125}
STACK = (
    '  File "a.py", line 3, in f\n    fit(lr=0.1)\n  File "b.py", line 4, in g\n    loss = 7.5\n'
)
TRACEBACK = (
    "Traceback (most recent call last):\n"
    '  File "job 9", line 3, in <module>\n    fit(loss=0.5)\n    ~~~^^^^^\n'
    '  File "job 9", line 1, in fit\n    accuracy = 0.3\n'
)


@pytest.mark.parametrize(
    ("text", "metrics"),
    [
        ("[17]\ttrain-rmse:245.1\tvalid-rmse:251.9\n", {"train-rmse": 245.1, "valid-rmse": 251.9}),
        ("[50]\tvalid_0's l2: 0.23\n", {"valid_0-l2": 0.23}),
        ("0:\tlearn: 0.69\ttest: 0.6\tbest: 0.6 (0)\ttotal: 46ms\tremaining: 46s", None),
        (BOOSTING_TABLE, {"train_loss": 1.1345}),
        ("Iteration 1, loss = 0.69314718\n", {"loss": 0.69314718}),
        (
            "{'loss': 0.52, 'learning_rate': 1e-05, 'epoch': 0.5}",
            {"loss": 0.52, "learning_rate": 1e-05},
        ),
        ("val_loss: 0.5, val_acc: 71.5%", {"val_loss": 0.5, "val_acc": 71.5}),
        ("rows=1200 columns=7", {"rows": 1200, "columns": 7}),
        ("Test accuracy: 0.93.\n", {"Test_accuracy": 0.93}),
        ("Epoch 3 train loss: 0.3, val loss: 0.4", {"train_loss": 0.3, "val_loss": 0.4}),
        ("2026-01-01 12:00:00 INFO fit: loss=2.5e-1 lr=.001", {"loss": 0.25, "lr": 0.001}),
        ("train/loss=-1.5", {"train/loss": -1.5}),
        ("loss=1,234.5", {"loss": 1234.5}),
        ("val_loss: 1,234,567, acc: 0.5", {"val_loss": 1234567, "acc": 0.5}),
        ("ratio: 0.75", {"ratio": 0.75}),
        ("Episode 3/100 score: 21", {"score": 21}),
        ("epoch 4 wins: 7", {"wins": 7}),
        ("<EpochResult loss=0.25 acc=0.91>", {"EpochResult_loss": 0.25, "acc": 0.91}),
        ("Trial<lr=0.01, loss=0.3>", {"lr": 0.01, "loss": 0.3}),
        (STACK + "loss=0.5 acc=0.3\n", {"loss": 0.5, "acc": 0.3}),
        (STACK + "  epoch 1/5 loss: 0.5\n", {"loss": 0.5}),
        (TRACEBACK + "KeyError: 'a'\nloss=0.5\n", {"loss": 0.5}),
        (FASTAI + "20 5 6 7 8\n3 0.1 0.2 0.3 00:09\n", FASTAI_LAST),
        (
            FASTAI + "2         0.500000    0.600000    0.900000  00:09\n",
            {"train_loss": 0.5, "valid_loss": 0.6, "accuracy": 0.9},
        ),
        (FASTAI, FASTAI_LAST),
        (
            "[I 2026-11-26 10:00:00,123] Trial 3 finished with value: 1,234.5 and parameters: "
            "{'lr': 0.1, 'depth': 3}. Best is trial 2 with value: 0.25.",
            {"value": 1234.5, "best_value": 0.25},
        ),
        (
            "[I 2026-11-26 10:00:00,123] Trial 3 finished with values: [0.5, 1e-3] and "
            "parameters: {'lr': 0.1}.",
            {"value_0": 0.5, "value_1": 0.001},
        ),
    ],
)
def test_metrics_are_read_in_their_usual_forms(text: str, metrics: dict[str, float] | None) -> None:
    expected = {"learn": 0.69, "test": 0.6} if metrics is None else metrics
    assert read(text).metrics == expected


@pytest.mark.parametrize(
    "line",
    [
        "Written: models/x",
        "Written: /bd-fs-mnt/project_repo/models/taxi/1",
        "Started at 12:30:45",
        "Time: 12:30",
        "http://host:8080/x?a=1&loss=2",
        "Serving on http://127.0.0.1:8000",
        "HTTP 200",
        'GET /jobs HTTP/1.1" 200',
        "date: 2026-01-01",
        "version: 1.2.3",
        "version: 1.2",
        "numpy==1.26.4",
        "Python: 3.11",
        "Error: 404 Not Found",
        "/data/year=2019/month=3/loss=3/x",
        'File "job 3", line 3',
        "Rows: 1,000",
        "Downloaded: 30 files",
        "elapsed: 12.5",
        "took 3.2 s",
        "host: 10.0.0.1",
        "ratio: 3/4",
        "seed=42",
        "loss: nan",
        "loss=1e999",
        "id: 7",
        "Wrote 3/10 files",
        "see issue #12: fixed",
        "[1] http://host:8080",
        "loss: 0,512",  # a decimal comma: what is meant is not known
        "loss=1,2",  # a list, not a number of thousands
        "KeyError: 21",
        "mypackage.errors.NotHere: 21",
        "ValueError: 0.5",
        "SystemExit: 3",
        "Samples: 21",
        "answer: 42",
        '<td width=21 loss="0.5">21</td>',
        "<b>loss</b>: 0.5",
        '<div style="accuracy: 0.5">',
        TRACEBACK + "ValueError: loss=0.25",
        "During handling of it:\n\n" + TRACEBACK + "KeyError: 'lr=0.1'",
        '  File "job 9", line 3\n    loss = 0.5 0.3\n           ^^^\nSyntaxError: invalid: lr=0.1',
        "  + Exception Group Traceback (most recent call last):\n  | loss=0.5\n  +---- 1 ----",
        "KeyError     Traceback (most recent call last)\n----> 3 loss = 0.5\nKeyError: 'loss=0.5'",
        "/x/fit.py:12: UserWarning: lr=0.1 is small\n  fit(lr=0.1)",
    ],
)
def test_ordinary_prints_are_no_metrics_and_no_progress(line: str) -> None:
    assert read(f"{line}\n") == Progress()
