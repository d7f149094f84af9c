"""Logs hold no payload, token or header (engine 15.8)."""

import logging

import pytest

from engine.core.stimuli import MessageReceived, Refusal
from engine.testing import bench
from tests.builders import TOPIC, kafka_send, process, save_data

SECRET = "s3cret-4711"  # in data, in a record's value, and in a header


@pytest.mark.django_db
def test_e247_logs_of_a_run_hold_nothing_of_what_it_carries(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with bench() as on:
        send = kafka_send("send", message='{"iban": ${iban}}', headers='{"jwt": "${iban}"}')
        made = process("quiet").start().user_task("Form", save_data("go", ["iban"])).send("Send", send)
        on.publish(made.receive("Wait").end().snapshot())
        run = on.start("quiet")
        run.execute("go", {"iban": SECRET})
        with pytest.raises(Refusal):
            run.execute("go", {"iban": SECRET})
        unknown = {"iban": SECRET, "broken": object()}  # fails for a reason that the core does not know
        broken = MessageReceived(run.uuid, TOPIC, unknown, b'{"iban": "s3cret-4711"}', on.now, headers={"jwt": SECRET})
        assert on.apply(broken).answer["record"] == "dead"
        assert run.answer({"iban": SECRET}, to=run.sent()[0]) == "applied"
    assert "put aside" in caplog.text
    assert SECRET not in caplog.text
