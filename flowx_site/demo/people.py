"""The people of the demo: one per kind of work, with invented names."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """A demo user: `name` to log in with, `work` in the words of the start-up text, `groups` that carry the rights."""

    name: str
    first_name: str
    last_name: str
    work: str
    groups: tuple[str, ...] = ()
    is_staff: bool = True
    is_superuser: bool = False


PEOPLE = (
    Person("admin", "Mira", "Okell", "may do everything", is_superuser=True),
    Person(
        "designer",
        "Jon",
        "Thurle",
        "draws processes and publishes them",
        (
            "ROLE_ADMIN_MANAGE_PROCESS_ADMIN",
            "ROLE_ADMIN_MANAGE_INTEGRATION_ADMIN",
            "ROLE_ADMIN_MANAGE_PARAMETER_ADMIN",
            "ROLE_ADMIN_MANAGE_INSTANCE_READ",
            "flowx-users",
        ),
    ),
    Person(
        "operator",
        "Lune",
        "Carrow",
        "watches instances and repairs them",
        ("ROLE_ADMIN_MANAGE_INSTANCE_ADMIN", "ROLE_ADMIN_MANAGE_PROCESS_READ", "flowx-users"),
    ),
    Person("rider", "Tamsin", "Vell", "wants a bicycle; sees no staff page", ("flowx-users",), is_staff=False),
)
