"""Stores to follow, for real: S3 by moto's server on a loopback port, folders."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import requests
from django.test import override_settings
from moto.server import ThreadedMotoServer

from exporter.actions.sources import Wish
from exporter.models.sources import Begin

KEY_ID, KEY = "a-key-id-for-tests", "s" * 40


class Bucket:
    def __init__(self, url: str, name: str) -> None:
        self.url, self.name = url, name
        self.client: Any = boto3.client(
            "s3",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id=KEY_ID,
            aws_secret_access_key=KEY,
        )
        self.client.create_bucket(Bucket=name)

    def put(self, name: str, content: bytes) -> None:
        self.client.put_object(Bucket=self.name, Key=name, Body=content)

    def wish(self, prefix: str = "", begin: Begin = Begin.BEGINNING, **secrets: str) -> Wish:
        given = {"access_key_id": KEY_ID, "secret_access_key": KEY} | secrets
        return Wish(
            f"s3://{self.name}/{prefix}", begin, None, {"endpoint": self.url, "region": "us-east-1"}, given
        )


@contextmanager
def a_server() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        # Every server of a process shows the same buckets.
        requests.post(f"http://{host}:{port}/moto-api/reset", timeout=5)
        url = f"http://{host}:{port}"
        with override_settings(CURRENTS_SOURCE_ENDPOINTS=[url]):
            yield url
    finally:
        server.stop()
