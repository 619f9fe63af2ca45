"""Python's garbage collector, set up for a process that answers requests.

A full collection looks at everything that is alive: the libraries, the model. Nobody wants to wait
for that with a request, and nothing of it will ever be garbage.
"""

import gc

# Of so many new objects with references, more than were dropped, it looks at the newest: a request
# makes a dozen, and drops them itself.
NEW_OBJECTS = 10_000


def calm_collector() -> None:
    """Leave out all that is there now, and look at what is new more seldom.

    A process that is forked later shares the pages of what is left out.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, 20, 20)
