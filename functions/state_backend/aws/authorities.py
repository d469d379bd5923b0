"""
The certificate authorities, read once for all connections.

botocore names their file to urllib3, which reads it anew for each connection: some 20 ms of CPU, a
dozen times in a run, and most of what a run costs. One context for all of a process's clients reads
it once. What is checked stays the same: botocore still sets that a certificate is required, and
whose.

It needs attributes that botocore does not promise. Its version is pinned, and
``tests/unit/aws/test_authorities.py`` fails where they have gone.
"""

from __future__ import annotations

import ssl
from functools import cache
from typing import Any

from botocore.httpsession import create_urllib3_context


def share(client: Any) -> None:
    """Lets *client*, of boto3, use the process's one context."""
    pools = client._endpoint.http_session._manager
    pools.connection_pool_kw["ssl_context"] = context()


@cache
def context() -> ssl.SSLContext:
    """The context; it reads each file of authorities once."""
    made: ssl.SSLContext = create_urllib3_context()
    vars(made)["load_verify_locations"] = cache(made.load_verify_locations)
    return made
