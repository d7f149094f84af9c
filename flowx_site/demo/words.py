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
  1. Log in at {address}/demo/rider/ as rider, choose the Trail 300 and send the form:
     the warehouse answers over Kafka, and five seconds later a message appears in the page. Sign the lease.
  2. In a private window log in at {address}/admin/ as designer, open bicycle_leasing_request,
     create a draft, change the message of action tell_rider, publish, and lease another bike: the new message appears.
  3. Log in at {address}/admin/ as operator, open the instance, look at its way and its messages, and run its timer now:
     the 14 days of cooling-off are over, and the rider's lease is active;
     then lease the Cargo 500, which is out of stock, and see it take the other branch.

What the processes write is in {logs}. Ctrl-C ends everything.
"""
