"""What DataLoader is made of: collating, fetching, worker processes and their transport.

`worker` and `transport` are imported by a DataLoader with workers only.
"""

from . import collate, fetch

__all__ = ["collate", "fetch"]
