"""Stores to follow, for real: S3 by moto's server on a loopback port, folders."""

from __future__ import annotations

import json
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


@contextmanager
def locked(bucket: Bucket) -> Iterator[tuple[str, str]]:
    """While this lasts, the server opens to one key only: its id and the key."""
    anybody = {"aws_access_key_id": KEY_ID, "aws_secret_access_key": KEY}
    people: Any = boto3.client("iam", endpoint_url=bucket.url, region_name="us-east-1", **anybody)
    people.create_user(UserName="reader")
    made = people.create_access_key(UserName="reader")["AccessKey"]
    may = {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetObject"], "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [may]})
    people.put_user_policy(UserName="reader", PolicyName="reads", PolicyDocument=policy)
    _ask_for_keys_after(bucket.url, "0")
    try:
        yield made["AccessKeyId"], made["SecretAccessKey"]
    finally:
        _ask_for_keys_after(bucket.url, "inf")


def _ask_for_keys_after(url: str, requests_without: str) -> None:
    requests.post(f"{url}/moto-api/reset-auth", data=requests_without, timeout=5).raise_for_status()
