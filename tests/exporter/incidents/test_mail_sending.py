"""Each mail is sent once, whatever the workers and the mail server do."""

from __future__ import annotations

import threading

import pytest
from django.core import mail
from django.db import connection
from pytest_django import Settings

from exporter.delivery.expiry import expire_due
from exporter.incidents import mail as notifications
from exporter.incidents.detect import look
from exporter.incidents.mail import mail_due
from exporter.models import Attempt, Notice
from tests.support.ageing import after, signed
from tests.support.delivering import a_line
from tests.support.mail_server import a_mail_server
from tests.support.trouble_mails import sent, stop

pytestmark = pytest.mark.django_db(transaction=True)

CLICK = "users.messages.email.Click"


@pytest.fixture(autouse=True)
def _swept() -> None:
    signed("sweep")


def test_each_mail_is_sent_once_however_many_workers_come_at_once() -> None:
    with a_line() as line:
        stop(line)
        for _ in range(5):
            Notice.objects.update(sent_at=None, claimed_until=None)
            mail.outbox.clear()
            together = threading.Barrier(6)

            def work(barrier: threading.Barrier = together) -> None:
                barrier.wait()
                mail_due()
                connection.close()

            threads = [threading.Thread(target=work) for _ in range(6)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len(sent()) == 1


def test_a_claim_of_a_worker_that_died_runs_out() -> None:
    with a_line() as line:
        stop(line)
        assert notifications.claim() is not None
        assert mail_due() == 0
        assert mail_due(after(minutes=4)) == 0
        assert mail_due(after(minutes=6)) == 1


def test_a_step_that_comes_while_a_mail_is_being_sent_is_not_lost() -> None:
    with a_line() as line:
        stop(line)
        assert notifications.claim() is not None
        look(after(hours=25))
        assert mail_due(after(minutes=1)) == 0
        assert mail_due(after(minutes=6)) == 1
        assert not Notice.objects.filter(sent_at=None).exists()


def test_a_mail_server_that_hangs_never_holds_delivery_up(settings: Settings) -> None:
    settings.EMAIL_TIMEOUT = 60
    with a_line() as line, a_mail_server(hangs=True) as server:
        stop(line)
        answers: list[int] = []

        def work() -> None:
            answers.append(mail_due())
            connection.close()

        mailing = threading.Thread(target=work)
        mailing.start()
        assert server.arrived.wait(10)
        line.sandbox.heal()
        line.make_due()
        assert line.deliver() == "idle"
        look(after(minutes=1))
        assert expire_due() == 0
        assert mailing.is_alive()
        assert len(line.arrived()) == 3
        server.let_go.set()
        mailing.join()
        assert answers == [0]


def test_a_mail_to_a_server_that_hangs_is_given_up_and_sent_later(settings: Settings) -> None:
    settings.EMAIL_TIMEOUT = 0.2
    with a_line() as line:
        stop(line)
        with a_mail_server(hangs=True):
            assert mail_due() == 0
        notice = Notice.objects.get()
        assert (notice.sent_at, notice.tries) == (None, 1)
        with a_mail_server() as server:
            assert mail_due(after(seconds=50)) == 0
            assert mail_due(after(seconds=70)) == 1
            assert [str(one["Subject"]) for one in server.mails] == [
                "Segment: delivery to Segment has stopped"
            ]


def test_a_mail_that_is_put_off_is_sent_once_it_is_taken() -> None:
    with a_line() as line:
        stop(line)
        with a_mail_server(recipient_answers=["451 later", "451 later"]) as server:
            assert mail_due() == 0
            assert server.mails == []
            assert mail_due(after(seconds=70)) == 0
            assert mail_due(after(seconds=130)) == 0
            assert mail_due(after(seconds=200)) == 1
            assert mail_due(after(hours=2)) == 0
            (arrived,) = server.mails
        assert arrived["To"] == "data@example.com"
        assert str(arrived["Message-ID"]).startswith("<incident-")
        assert arrived.get_body(("html",)) is not None


def test_an_address_that_is_refused_does_not_hold_up_others() -> None:
    with a_line() as line:
        stop(line)
        with a_line() as other:
            stop(other)
            with a_mail_server(recipient_answers=["550 nobody here"]) as server:
                assert mail_due() == 1
                assert len(server.mails) == 1


def test_a_mail_nobody_takes_is_given_up_after_three_days() -> None:
    with a_line() as line:
        stop(line)
        assert mail_due(after(hours=73)) == 0
        assert sent() == []


def test_a_stop_that_could_not_be_mailed_before_its_end_is_told_with_it() -> None:
    with a_line() as line:
        stop(line)
        line.sandbox.heal()
        line.make_due()
        line.deliver()
        Attempt.objects.update(at=after(minutes=-11))
        look()
        look(after(minutes=11))
        assert mail_due(after(minutes=12)) == 1
        assert sent()[0].subject == "Segment: Segment is accepting events again"
        assert not Notice.objects.filter(sent_at=None).exists()
