"""Fills the demo's database: tables, groups, people, the sample process. Run by the supervisor as a program of its own.

`python -m flowx_site.demo.prepare` finds passwords in the folder's `demo.json`. Each step leaves alone what is there already,
so that a second start goes on where the first one stopped.
"""

import json

import django

from flowx_site.config import config
from flowx_site.demo.people import PEOPLE, Person


def make_person(person: Person, password: str) -> None:
    """A demo user with this password and the groups of the role."""
    from django.contrib.auth.models import Group, User

    user, _ = User.objects.get_or_create(
        username=person.name, defaults={"first_name": person.first_name, "last_name": person.last_name}
    )
    user.is_staff, user.is_superuser = person.is_staff, person.is_superuser
    if not user.check_password(password):
        user.set_password(password)
    user.save()
    user.groups.set(Group.objects.get_or_create(name=name)[0] for name in person.groups)


def forget_the_last_broker() -> None:
    """Each start has a new, empty embedded broker: the offsets of the last one mean nothing on it."""
    from engine.models import KafkaOffset

    KafkaOffset.objects.all().delete()


def free_the_leases_of_the_dead() -> None:
    """This demo holds the folder alone: who held a lease was killed, and would keep messages waiting for up to a minute."""
    from engine.leases import LONG_AGO
    from engine.models import OutboxShard

    OutboxShard.objects.update(owner="", until=LONG_AGO)


def forget_the_signs_of_the_dead() -> None:
    """The supervisor waits until each process has given a sign of life of its own."""
    from engine.models import Heartbeat

    Heartbeat.objects.all().delete()


def main() -> None:
    """All steps in order."""
    django.setup()
    from django.core.management import call_command

    from designer.sample import load_sample
    from flowx_site.first_run import set_up

    call_command("migrate", verbosity=0, interactive=False)
    set_up()
    forget_the_last_broker()
    free_the_leases_of_the_dead()
    forget_the_signs_of_the_dead()
    passwords: dict[str, str] = json.loads((config.var_dir / "demo.json").read_text())["passwords"]
    for person in PEOPLE:
        make_person(person, passwords[person.name])
    load_sample()


if __name__ == "__main__":
    main()
