"""The public test bench: the how-to's tests run as printed, and what they leave out."""

from datetime import timedelta

import pytest

from designer.testing import NotPublished, publish_file
from engine import clock
from engine.core.stimuli import Hold, Refusal, Unhold
from engine.testing import BEGIN, bench
from tests.builders import TOPIC, USER, action, kafka_send, process, save_data
from tests.docs.pages import ROOT, Block, blocks

pytestmark = pytest.mark.django_db


def printed_tests() -> list[tuple[str, Block]]:
    [block] = [each for each in blocks("python") if each.page == ROOT / "docs" / "how-to" / "test-a-process.md"]
    names = [line.split()[1].partition("(")[0] for line in block.text.splitlines() if line.startswith("def test_")]
    return [(name, block) for name in names]


@pytest.mark.parametrize(("name", "block"), printed_tests())
def test_the_tests_of_the_how_to_pass(name: str, block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    module: dict = {}
    exec(compile(block.text, block.place, "exec"), module)  # noqa: S102 (our own documentation)
    module[name]()


def test_a_file_with_blockers_is_refused_with_all_of_them() -> None:
    with pytest.raises(NotPublished, match="bike_advice"):
        publish_file(ROOT / "designer" / "samples" / "bicycle_leasing_request.json")


def test_timers_fire_in_order_and_each_at_its_own_moment() -> None:
    with bench() as on:
        made = process("slow").start().add("TIMER_INTERMEDIATE", "One", timerExpression="P1D")
        made.add("TIMER_INTERMEDIATE", "Two", timerExpression="PT1H").end()
        on.publish(made.snapshot())
        run = on.start("slow")
        assert on.advance("P2D") == 2
        assert run.row.finished_at == BEGIN + timedelta(days=1, hours=1)
        assert on.now == BEGIN + timedelta(days=2)


def test_an_active_timer_start_makes_instances_as_the_clock_moves() -> None:
    with bench() as on:
        made = process("nightly").add("TIMER_START", "Each hour", connect=False, timerExpression="R/PT1H")
        on.publish(made.add("TIMER_INTERMEDIATE", "Wait", timerExpression="PT30M").end().snapshot())
        on.advance("PT5H")
        assert on.runs("nightly") == []
        on.activate("nightly")
        on.advance("PT3H")
        assert [run.state for run in on.runs("nightly")] == ["FINISHED", "FINISHED", "STARTED"]


def test_the_clock_of_a_bench_ends_with_it() -> None:
    with bench() as on:
        assert clock.now() == on.now == BEGIN
    assert clock.now() != BEGIN


def test_incidents_retries_refusals_and_operator_commands() -> None:
    with bench() as on:
        made = process("careful").start().send("Tell", kafka_send("tell", topic="out.${x}")).receive("Wait").end()
        on.publish(made.snapshot())
        run = on.start("careful")
        assert "No value for topic placeholder" in run.incidents[0]
        run.row.__class__.objects.update(params='{"x": "there"}')
        run.retry()
        assert [sent.topic for sent in run.sent()] == ["out.there"]
        on.apply(Hold(run.uuid, USER))
        assert run.answer({"a": 1}) == "held"
        with pytest.raises(Refusal, match="not running"):
            run.execute("anything")
        on.apply(Unhold(run.uuid, USER))
        assert run.state == "FINISHED"
        assert run.params["reply"] == {"a": 1}


def test_subprocesses_several_tokens_and_unknown_names() -> None:
    with bench() as on:
        on.publish(process("part").start().user_task("Work", save_data("done")).end().snapshot())
        made = process("whole").start().add("PARALLEL_GATEWAY", "Split")
        made.user_task("A", save_data("go_a"), connect=False).link("Split", "A").end("End A")
        start = action("start", "START_SUBPROCESS", {"processName": "part", "startedAsync": "false"})
        made.task("B", start, connect=False).link("Split", "B").end("End B")
        on.publish(made.snapshot())
        run = on.start("whole")
        assert run.nodes == ["A", "B"]
        run.execute("go_a")
        run.subprocesses[0].execute("done", node="Work")
        assert [run.state, *(each.state for each in on.runs("part"))] == ["FINISHED", "FINISHED"]
        with pytest.raises(LookupError, match="0 active tokens"):
            run.execute("go_a")
        with pytest.raises(LookupError, match="not published"):
            on.start("unknown")
        with pytest.raises(LookupError, match="Name the topic"):
            run.answer({})


def test_a_line_out_of_order_is_told_with_the_whole_journal() -> None:
    with bench() as on:
        on.publish(process("short").start().receive("Wait", topic=TOPIC).end().snapshot())
        run = on.start("short")
        with pytest.raises(AssertionError, match=r"(?s)'Start Start' is not in the journal.*Advance Wait"):
            run.assert_journal("Advance Wait", "Start Start")
