"""`field__among=values`: what `field__in` finds, for the hundreds of ids that a batch of records asks for.

PostgreSQL gets them as one parameter, `= ANY(string_to_array(...))`; with `IN` the driver quotes each of 500 alone, which was a
sixth of the work of a batch of records. Other databases get `IN`.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import BigIntegerField, UUIDField
from django.db.models.lookups import In


@BigIntegerField.register_lookup
@UUIDField.register_lookup
class Among(In):
    """Whole numbers or uuids alone: their texts have no comma."""

    lookup_name = "among"

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        column, params = self.process_lhs(compiler, connection)
        kind = self.lhs.output_field.db_type(connection)
        given = ",".join([value.hex if isinstance(value, UUID) else str(int(value)) for value in self.rhs])
        return f"{column} = ANY(string_to_array(%s, ',')::{kind}[])", [*params, given]
