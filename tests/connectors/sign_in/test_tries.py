"""Five tries are five tries, whatever a request says of itself; and nobody uses up another's."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core import mail
from django.db import connection
from django.db.models import F
from django.test import Client
from django.utils import timezone

from connectors.models import User
from connectors.sign_in import housekeeping, marks, tries
from connectors.sign_in.models import Mark, SignInTries
from connectors.web import client_address

pytestmark = pytest.mark.django_db
LOGIN = "/accounts/login/"
RIGHT = "a long enough phrase"
TOLD = "Too many tries."


def guess(address: str, typed: str = "wrong", client: Client | None = None, **more: Any) -> str:
    answer = (client or Client()).post(LOGIN, {"login": address, "password": typed}, **more)
    return "in" if answer.status_code == 302 else "wait" if TOLD in answer.content.decode() else "wrong"


DISGUISES: dict[str, list[dict[str, Any]]] = {
    "plain": [{} for _ in range(8)],
    "port of the Host": [{"HTTP_HOST": f"testserver:{8000 + n}"} for n in range(8)],
    "case of the Host": [{"HTTP_HOST": name} for name in ("testserver", "TESTSERVER", "Testserver") * 3][:8],
    "another Host": [{"HTTP_HOST": name} for name in ("127.0.0.1", "localhost", "testserver") * 3][:8],
    "X-Forwarded-For": [{"HTTP_X_FORWARDED_FOR": f"198.51.100.{n}"} for n in range(8)],
    "X-Real-IP": [{"HTTP_X_REAL_IP": f"198.51.100.{n}"} for n in range(8)],
    "addresses of one network": [{"REMOTE_ADDR": f"2001:db8::{n}"} for n in range(1, 9)],
}


@pytest.mark.parametrize("disguise", DISGUISES)
def test_five_tries_are_five_tries_in_every_disguise(people: dict[str, User], disguise: str) -> None:
    told = [guess(people["admin"].email, **more) for more in DISGUISES[disguise]]
    assert told == ["wrong"] * 5 + ["wait"] * 3


def test_the_spelling_of_an_address_buys_no_tries(people: dict[str, User]) -> None:
    name, _, host = people["admin"].email.partition("@")
    spelled = [f"{name}@{host}", f"{name.upper()}@{host}", f"{name}+x@{host}", f" {name}+y@{host.upper()}"]
    told = [guess(address) for address in spelled * 2]
    assert told == ["wrong"] * 5 + ["wait"] * 3


def test_a_declared_proxy_tells_clients_apart(
    people: dict[str, User], settings: pytest.FixtureRequest
) -> None:
    settings.CURRENTS_TRUSTED_PROXIES = 1  # type: ignore[attr-defined]
    for _ in range(6):
        guess(people["admin"].email, HTTP_X_FORWARDED_FOR="198.51.100.1")
    assert guess(people["admin"].email, HTTP_X_FORWARDED_FOR="198.51.100.1") == "wait"
    assert guess(people["admin"].email, RIGHT, HTTP_X_FORWARDED_FOR="198.51.100.2") == "in"


def test_somebody_behind_an_undeclared_proxy_locks_out_nobody_else(people: dict[str, User]) -> None:
    told = [guess(f"nobody-{n}@example.com", HTTP_X_FORWARDED_FOR="203.0.113.5") for n in range(40)]
    assert set(told) == {"wrong"}
    assert guess(people["viewer"].email, RIGHT, HTTP_X_FORWARDED_FOR="203.0.113.9") == "in"


def test_owners_are_told_once_of_a_proxy_nobody_declared(
    people: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    User.objects.filter(pk=people["admin"].pk).update(is_owner=True)
    monkeypatch.setattr(client_address, "_warned", False)
    housekeeping.tell_owners_of_an_undeclared_proxy()
    assert mail.outbox == []
    for _ in range(3):
        guess("nobody@example.com", HTTP_X_FORWARDED_FOR="203.0.113.5")
        housekeeping.tell_owners_of_an_undeclared_proxy()
    assert [letter.to for letter in mail.outbox] == [[people["admin"].email]]
    assert "CURRENTS_TRUSTED_PROXIES" in str(mail.outbox[0].body)


def test_waits_grow_and_end(people: dict[str, User]) -> None:
    meant = tries.of(people["admin"].email, "198.51.100.7")[:1]
    for _ in range(5):
        tries.consume(meant)
    waits = []
    for _ in range(8):
        with pytest.raises(tries.TooMany) as told:
            tries.consume(meant)
        waits.append(told.value.seconds)
        SignInTries.objects.update(free_at=F("free_at") - timedelta(hours=2))
        tries.consume(meant)
    assert [round(wait / 60) for wait in waits] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_guessing_many_addresses_is_slowed_down_too() -> None:
    told = [guess(f"nobody-{n}@example.com") for n in range(22)]
    assert told == ["wrong"] * 20 + ["wait"] * 2


def test_right_passwords_cost_nothing(people: dict[str, User]) -> None:
    assert [guess(people["viewer"].email, RIGHT) for _ in range(25)] == ["in"] * 25


def test_one_own_account_does_not_wash_away_wrong_guesses(people: dict[str, User]) -> None:
    told = []
    for n in range(21):
        told.append(guess(f"nobody-{n}@example.com"))
        guess(people["viewer"].email, RIGHT)
    assert told[-1] == "wait"


def test_who_reads_the_mail_of_an_address_gets_in_without_waiting(people: dict[str, User]) -> None:
    admin = people["admin"].email
    for _ in range(8):
        guess(admin)
    assert guess(admin, RIGHT) == "wait"
    letters = [letter for letter in mail.outbox if letter.to == [admin]]
    assert len(letters) == 1, "one an hour"
    path = str(letters[0].body).split("/accounts/unlock/")[1].split()[0]
    mine = Client()
    assert mine.get(f"/accounts/unlock/{path}").status_code == 200
    assert guess(admin, RIGHT, mine) == "wait", "looking changes nothing"
    assert mine.post(f"/accounts/unlock/{path}")["Location"] == LOGIN
    assert guess(people["marketer"].email, "a guess", mine) == "wrong"
    assert guess(admin, RIGHT, mine) == "in"
    assert guess(admin, RIGHT) == "wait", "others have to"
    assert Client().get("/accounts/unlock/made-up/").status_code == 410


def test_a_new_password_by_mail_ends_the_wait(people: dict[str, User]) -> None:
    admin = people["admin"].email
    for _ in range(6):
        guess(admin)
    client = Client()
    client.post("/accounts/password/reset/", {"email": admin}, HTTP_HOST="testserver:9999")
    body = str(mail.outbox[-1].body)
    assert "http://127.0.0.1:8000/accounts/password/reset/key/" in body, "the link leads to SITE_URL"
    path = "/accounts/password/reset/key/" + body.split("/accounts/password/reset/key/")[1].split()[0]
    form = client.get(path)["Location"]
    fresh = "seven purple tractors sing"
    assert client.post(form, {"password1": fresh, "password2": fresh}).status_code == 302
    assert guess(admin, fresh) == "in"


def test_a_link_for_a_new_password_works_for_an_hour(
    people: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    Client().post("/accounts/password/reset/", {"email": people["admin"].email})
    path = "/accounts/password/reset/key/" + str(mail.outbox[-1].body).split("/key/")[1].split()[0]
    for minutes, status in ((59, 302), (61, 200)):
        later = datetime.now(UTC).astimezone().replace(tzinfo=None) + timedelta(minutes=minutes)
        with monkeypatch.context() as there:
            there.setattr(PasswordResetTokenGenerator, "_now", lambda _self, later=later: later)
            assert Client().get(path).status_code == status


def test_a_reset_for_an_unknown_address_mails_nobody() -> None:
    answer = Client().post("/accounts/password/reset/", {"email": "nobody@example.com"})
    assert (answer.status_code, mail.outbox) == (302, [])


@pytest.mark.django_db(transaction=True)
def test_a_hundred_guesses_at_once_are_a_hundred() -> None:
    meant = tries.of("ada@example.com", "198.51.100.7")
    passed = []

    def guess_once() -> None:
        try:
            tries.consume(meant)
            passed.append(1)
        except tries.TooMany:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=guess_once) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passed) == 5


def test_marks_are_json_and_go_by_time_alone() -> None:
    cache = marks.MarkCache("", {})
    assert cache.add("used", "y", 30)
    assert not cache.add("used", "y", 30)
    for n in range(400):
        cache.set(f"other-{n}", [n, 1.5], 30)
    assert not cache.add("used", "y", 30), "nobody pushes it out"
    assert cache.get("other-3") == [3, 1.5]
    Mark.objects.update(expires_at=timezone.now())
    assert cache.get("used") is None
    assert cache.add("used", "y", 30)
    assert cache.delete("used")
