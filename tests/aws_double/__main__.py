"""
``python -m tests.aws_double``: the double in the foreground, for the AWS CLI or ``sam local``.

Prints the environment to use, as shell lines, then runs until it is interrupted.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading

from tests.aws_double import AwsDouble


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.aws_double", description=__doc__)
    parser.add_argument("--management-account", default="111111111111")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--member", action="append", default=[], help="id of a member account")
    parser.add_argument("--principal", help="ARN to act as; the hub's role by default")
    parser.add_argument("--plain-http", action="store_true", help="the port without TLS")
    options = parser.parse_args()
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    signal.signal(signal.SIGINT, lambda *_: stopped.set())
    with AwsDouble(management_account=options.management_account, region=options.region) as aws:
        for account in options.member or ["222222222222"]:
            aws.add_account(account)
        environment = aws.environment(tls=not options.plain_http, principal=options.principal)
        for name, value in environment.items():
            print(f"export {name}={value}")
        sys.stdout.flush()
        stopped.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
