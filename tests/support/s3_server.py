"""An S3 server for tests: moto's, over real HTTP; or the one at $HASHCORE_TEST_S3, as `make test-s3` sets it."""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from hashcore.storage.s3_client import new_client


@contextmanager
def running() -> Iterator[str]:
    """Give the endpoint of a server that runs until the block ends."""
    given = os.environ.get("HASHCORE_TEST_S3")
    if given:
        yield given
        return
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it tells every request
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def settings(endpoint: str) -> dict[str, str]:
    """Return the standard AWS settings that lead to a server; a user's own may not be looked at."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": os.environ.get("HASHCORE_TEST_S3_KEY", "test"),
        "AWS_SECRET_ACCESS_KEY": os.environ.get("HASHCORE_TEST_S3_SECRET", "test"),
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def new_bucket() -> str:
    """Make a bucket and return its URI."""
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    new_client().create_bucket(Bucket=name)
    return f"s3://{name}"
