"""What one can do with the connected clusters and models, as data: nothing is printed here.

>>> from kd_client import connect
>>> kd = connect()
>>> job = kd.submit("print(6 * 7)").wait()
>>> job.log()
'42\\n'
"""

from kd_client.client import Client, connect

__all__ = ["Client", "connect"]
