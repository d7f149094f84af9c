"""The rows that staff edit, one module per part of a process definition. Nothing here runs a process: what runs is the
snapshot that `designer.compile` makes of a version. All rows of a version carry its id, so that a whole version is read
with one query per table and never with one per node."""

from designer.models.action import Action
from designer.models.attribute import AttributeType, DataModelAttribute
from designer.models.graph import Node, Sequence, Swimlane
from designer.models.parameter import GenericParameter, ParameterKind
from designer.models.process import Process
from designer.models.version import Version, VersionState

__all__ = [
    "Action",
    "AttributeType",
    "DataModelAttribute",
    "GenericParameter",
    "Node",
    "ParameterKind",
    "Process",
    "Sequence",
    "Swimlane",
    "Version",
    "VersionState",
]
