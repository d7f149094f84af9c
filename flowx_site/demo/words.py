"""What the demo prints when it is ready: where to go, as whom, and three things to try."""

from pathlib import Path

from flowx_site.demo.people import PEOPLE


def greeting(address: str, passwords: dict[str, str], logs: Path) -> str:
    """The start-up text."""
    people = "\n".join(f"  {person.name:<9}{passwords[person.name]:<15}{person.work}" for person in PEOPLE)
    return f"""
The demo is ready at {address}/admin/

{people}

Three things to try:
  1. Open {address}/demo/rider/ as rider, start a lease with model TRAIL-300 and send the form:
     the warehouse answers over Kafka, and five seconds later the answer appears in the page.
  2. Open {address}/admin/ as designer, change the message of an action in bicycle_leasing_request,
     publish, and start another lease: the page shows the new message.
  3. Open {address}/admin/ as operator, open the instance and look at its way and its messages;
     then lease model CARGO-500, which is out of stock, and see the other branch.

What the processes write is in {logs}. Ctrl-C ends everything.
"""
