"""What machines are told: the same numbers as the pages, of their own workspace only, and what is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from connectors.models import Scope
from exporter.api.connectors import as_json
from exporter.reports import summary
from tests.support.delivering import EMAIL_OPEN, a_line
from tests.support.factories import ConnectorFactory, IntakeTokenFactory, WorkspaceFactory

pytestmark = pytest.mark.django_db(transaction=True)
LIST = "/api/v1/connectors"
DESCRIPTION = "/api/v1/openapi.json"


def ask(path: str, token: str = "", method: str = "GET") -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return Client(raise_request_exception=False).generic(method, path, headers=headers)


def reader(workspace: Any, *scopes: str) -> str:
    made = IntakeTokenFactory.create(workspace=workspace, scopes=list(scopes or (Scope.READ,)))
    return f"cur_{made.prefix}_test"


def test_the_list_and_the_status_say_what_the_page_says() -> None:
    with a_line(selected=[EMAIL_OPEN]) as line:
        line.feed(40)
        line.feed(3, event_type="users.messages.email.Click")
        line.deliver()
        line.feed(2)
        token = reader(line.workspace)
        (listed,) = ask(LIST, token).json()["connectors"]
        alone = ask(f"{LIST}/{line.connector.pk}/status", token).json()
        page = as_json(summary.summary(line.connector))
        for answer in (listed, alone, page):
            del answer["lag_seconds"]
        assert listed == alone == page
        assert alone["received"] == sum(alone["outcomes"].values()) + alone["pending"] == 45


def test_another_workspaces_connector_is_not_told_of() -> None:
    with a_line() as line:
        token = reader(WorkspaceFactory.create())
        assert ask(f"{LIST}/{line.connector.pk}/status", token).status_code == 404
        assert ask(LIST, token).json() == {"connectors": []}


def test_a_connector_whose_delivery_is_gone_is_not_found_and_no_error() -> None:
    connector = ConnectorFactory.create()
    answer = ask(f"{LIST}/{connector.pk}/status", reader(connector.workspace))
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("path", [LIST, f"{LIST}/1/status"])
def test_every_refusal_is_a_problem_that_says_what_to_do(path: str) -> None:
    narrow = reader(WorkspaceFactory.create(), Scope.INTAKE)
    answers = {
        401: ask(path),
        403: ask(path, narrow),
        405: ask(path, narrow, "POST"),
    }
    for expected, answer in answers.items():
        assert answer.status_code == expected
        assert answer["Content-Type"] == "application/problem+json"
        told = json.loads(answer.content)
        assert told["status"] == expected
        assert told["detail"].endswith(".")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("POST", DESCRIPTION, 405), ("GET", f"{LIST}/x/status", 404), ("POST", "/api/v2/events", 404)],
)
def test_a_wrong_address_or_method_is_a_problem_too(method: str, path: str, status: int) -> None:
    answer = Client(enforce_csrf_checks=True).generic(method, path)
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", LIST), ("POST", "/api/v1/events"), ("GET", DESCRIPTION)]
)
@pytest.mark.parametrize("host", ["", "elsewhere.example", "two names"])
def test_a_name_that_is_not_the_servers_is_a_problem_too(
    method: str, path: str, host: str, settings: Any
) -> None:
    settings.ALLOWED_HOSTS = ["currents.example.com"]
    answer = Client().generic(method, path, b"[]", headers={"Host": host})
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert "ALLOWED_HOSTS" in json.loads(answer.content)["detail"]
    assert Client().get(DESCRIPTION, headers={"Host": "currents.example.com"}).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
@pytest.mark.parametrize("host", ["", "10.1.2.3:8000", "elsewhere.example", "two names"])
def test_life_signs_and_metrics_answer_under_any_name(path: str, host: str, settings: Any) -> None:
    settings.ALLOWED_HOSTS, settings.METRICS_TOKEN = ["currents.example.com"], "a-token-of-the-scraper"
    headers = {"Host": host, "Authorization": f"Bearer {settings.METRICS_TOKEN}"}
    assert Client().get(path, headers=headers).status_code in (200, 503)


def test_a_list_costs_one_statement_beside_the_connectors_however_many(
    django_assert_max_num_queries: Any,
) -> None:
    with a_line() as line, django_assert_max_num_queries(1):
        summary.summaries([line.connector])


def test_the_description_names_every_address_of_the_api_and_every_field_of_a_status() -> None:
    with a_line() as line:
        told = ask(DESCRIPTION).json()
        shown = as_json(summary.summary(line.connector))
    assert told["openapi"].startswith("3.1")
    replay = LIST + "/{id}/replays/{replay}"
    replays = {LIST + "/{id}/replays", replay, replay + "/{verb}"}
    status, sources = LIST + "/{id}/status", "/api/v1/sources"
    assert set(told["paths"]) == {"/api/v1/events", LIST, status, sources, *replays}
    schema = told["components"]["schemas"]["Status"]
    assert set(schema["properties"]) == set(shown)
    assert set(schema["properties"]["outcomes"]["properties"]) == set(shown["outcomes"])
    assert shown["health"] in schema["properties"]["health"]["enum"]


def test_every_reference_of_the_description_leads_somewhere() -> None:
    told = ask(DESCRIPTION).json()
    references: list[str] = []

    def look(part: Any) -> None:
        if isinstance(part, dict):
            references.extend([part["$ref"]] if "$ref" in part else [])
            for inner in part.values():
                look(inner)
        elif isinstance(part, list):
            for inner in part:
                look(inner)

    look(told)
    assert references
    for reference in references:
        at: Any = told
        for word in reference.removeprefix("#/").split("/"):
            at = at[word]


def test_the_address_of_the_description_is_open_and_read_only() -> None:
    assert ask(DESCRIPTION).status_code == 200
    assert ask(DESCRIPTION, method="POST").status_code == 405


def test_no_check_of_django_complains_about_the_addresses() -> None:
    call_command("check")
