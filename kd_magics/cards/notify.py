"""Tell the browser that a job has ended: a notification beside the notebook.

It is a script in an output that is emptied right after, so that no saved notebook has it; front
ends that run no scripts show nothing. The browser asks for permission once.
"""

import json

from kd_magics.cards.card_view import Snapshot, title
from kd_magics.looks import word
from kd_pipeline.quantities import duration_text

_SCRIPT = """(() => {
  const told = %s;
  if (!("Notification" in window)) return;
  const tell = () => new Notification(told.title, {body: told.body, tag: told.tag});
  const asked = "kd-magics-asked-for-notifications";
  if (Notification.permission === "granted") tell();
  else if (Notification.permission === "default" && !localStorage.getItem(asked)) {
    localStorage.setItem(asked, "1");
    Notification.requestPermission().then((answer) => { if (answer === "granted") tell(); });
  }
})();"""


def is_worth(snapshot: Snapshot, after_s: float) -> bool:
    """Tell whether a job has ended that ran ``after_s`` seconds or longer; 0 is never."""
    return snapshot.ended and 0 < after_s <= (snapshot.elapsed_s or 0.0)


def sentence(snapshot: Snapshot) -> str:
    """Return what happened: ``Job 9 'first-try' on c: Finished after 12 min``."""
    job, took = snapshot.job, duration_text(snapshot.elapsed_s or 0.0)
    return f"{title(job)} on {job.cluster}: {word(job.status)} after {took}"


def bundle(snapshot: Snapshot) -> dict[str, str]:
    """Return the output whose script tells it; text of a job is in it as JSON only."""
    job = snapshot.job
    told = {
        "title": f"{title(job)}: {word(job.status)}",
        "body": ". ".join(filter(None, [sentence(snapshot), job.reason])),
        "tag": f"kd-magics-{job.cluster}-{job.id}",
    }
    # ASCII without "<": nothing in it can end a string, a line or a script element.
    encoded = json.dumps(told).replace("<", "\\u003c")
    return {"text/plain": "", "application/javascript": _SCRIPT % encoded}
