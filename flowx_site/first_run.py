"""What every installation has before its first process: the groups of rights and the service user (engine 12 and 15.1,
designer 0.4). Run by `manage.py setup` and by the demo; running it again changes nothing."""

from django.contrib.auth.models import Group, Permission, User

SERVICE_USER = "flowx-service"
STARTERS = "flowx-users"
OWN_MODELS = {"INTEGRATION": ("integration", "scenario"), "PARAMETER": ("genericparameter",)}
LEVELS = {
    "PROCESS": ("READ", "IMPORT", "EDIT", "ADMIN"),
    "INTEGRATION": ("READ", "IMPORT", "EDIT", "ADMIN"),
    "PARAMETER": ("READ", "IMPORT", "EDIT", "ADMIN"),
    "INSTANCE": ("READ", "ADMIN"),
}
# What no group carries: credentials are each user's own, and revealing is given person by person.
NEVER = ("reveal_sensitive", "apitoken", "socketticket")
ADMIN_ONLY = ("publish_process", "delete_process", "flag_sensitive", "operate_instances")


def area_of(permission: Permission) -> str | None:
    """The area of designer 0.4 that a permission belongs to; None for those of other apps."""
    model, app = permission.content_type.model, permission.content_type.app_label
    if any(word in permission.codename for word in NEVER):
        return None
    for area, models in OWN_MODELS.items():
        if app == "designer" and model in models:
            return area
    return {"designer": "PROCESS", "engine": "INSTANCE"}.get(app)


def level_of(permission: Permission) -> str:
    """The narrowest level that carries a permission; a wider one carries it too."""
    verb, _, model = permission.codename.partition("_")
    if verb == "view":
        return "READ"
    if verb == "import":
        return "IMPORT"
    if permission.codename in ADMIN_ONLY or (verb == "delete" and model in ("integration", "genericparameter")):
        return "ADMIN"
    return "ADMIN" if permission.content_type.app_label == "engine" else "EDIT"


def set_up() -> None:
    """Make the groups and the service user, and give each group the rights of its name."""
    permissions = list(Permission.objects.select_related("content_type"))
    for area, levels in LEVELS.items():
        for rank, level in enumerate(levels):
            group, _ = Group.objects.get_or_create(name=f"ROLE_ADMIN_MANAGE_{area}_{level}")
            group.permissions.set(
                permission
                for permission in permissions
                if area_of(permission) == area and level_of(permission) in levels[: rank + 1]
            )
    Group.objects.get_or_create(name=STARTERS)
    service, made = User.objects.get_or_create(username=SERVICE_USER, defaults={"is_active": True})
    if made:
        service.set_unusable_password()
        service.save(update_fields=["password"])
