"""Each job that is sent has a key of its own, by which sending again starts no second one."""

import json

from tests.kd_engines.training.running_engine import RunningEngine
from tests.kd_magics.running_notebook import Notebook


def test_each_job_has_a_key_of_its_own(notebook: Notebook, engine: RunningEngine) -> None:
    notebook.good("%%trainingengineinstance --grid n=1,2\nprint(n)")
    notebook.good("%%trainingengineinstance --wait\nprint(1)")
    jobs = [*notebook.shell.user_ns["_jobs"], notebook.shell.user_ns["_job"]]
    notebook.good("%rerun --wait")
    jobs.append(notebook.shell.user_ns["_job"])
    keys = [
        json.loads((engine.job_folder(job.id) / "job.json").read_text())["idempotency_key"]
        for job in jobs
    ]
    assert all(key and len(key) == 32 for key in keys)
    assert len({*keys}) == 4
