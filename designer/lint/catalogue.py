"""The one catalogue of problem codes (designer 1.13, 3.3, 3.6): code, severity, text. Forms, lint, import and API all take their
texts from here, so a text is written once and can be translated. `{name}` is filled in; a doubled brace is a plain one."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _


class Severity(enum.StrEnum):
    """error: the form cannot be saved. blocker: a draft is saved but neither published nor started. warning: never blocks."""

    ERROR = "error"
    BLOCKER = "blocker"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Entry:
    """One code. `texts` maps a variant's name to its text; the plain text has the name ''."""

    severity: Severity
    texts: dict[str, str]

    def text(self, variant: str, values: dict[str, Any]) -> str:
        """The filled-in sentence; 'A' becomes 'An' before a vowel, for the names that are filled in."""
        return _article(_(self.texts[variant]).format(**values))


def _article(sentence: str) -> str:
    return re.sub(r"(^A| on a) (?=[aeioAEIO]|[Uu]p)", r"\1n ", sentence)


def _error(text: str, **variants: str) -> Entry:
    return Entry(Severity.ERROR, {"": text, **variants})


def _blocker(text: str, **variants: str) -> Entry:
    return Entry(Severity.BLOCKER, {"": text, **variants})


def _warning(text: str, **variants: str) -> Entry:
    return Entry(Severity.WARNING, {"": text, **variants})


_ACTION = {
    "ACT-001": _error("Enter a name for this action."),
    "ACT-002": _error("Use at most 100 characters for the name (now {n})."),
    "ACT-003": _error("'{c}' cannot be used in an action name. Use letters, digits, '_', '-' or '.'."),
    "ACT-004": _error("'{name}' is already used by an action on node '{node}'."),
    "ACT-005": _error("Order must be a whole number, 1 or higher."),
    "ACT-006": _error("Order {n} is already used by '{other}'."),
    "ACT-007": _error("'{v}' is not an action type. Choose {list}."),
    "ACT-008": _error("A {type} cannot be added to a {nodeType} node."),
    "ACT-009": _error("A {type} is always {trigger}."),
    "ACT-010": _error("An Automatic action must be Mandatory."),
    "ACT-011": _error("'{field}' can be set only when Trigger type is Manual."),
    "ACT-012": _error("'{field}' does not belong to a {type}."),
    "ACT-013": _error("'{v}' is not a valid {field}. Choose {list}."),
    "ACT-014": _error("The parent action must be on the same node ('{node}')."),
    "ACT-015": _error("'{a}' cannot be its own ancestor ({loop})."),
    "ACT-016": _error("{user} changed this action {ago}: {fields}. Save again to overwrite."),
    "ACT-017": _error("Version {n} is {state} and cannot be edited."),
    "ACT-018": _error("A {nodeType} node cannot have actions."),
    "ACT-019": _warning("Autorun Children is on, but no child is both Mandatory and Automatic."),
    "ACT-020": _warning("The token waits until '{name}' is run through the API."),
    "ACT-021": _blocker("Action type '{type}' is not available here; '{name}' cannot run."),
    "ACT-022": _warning("'{a}' and '{b}' differ only in capital letters."),
    "ACT-023": _warning("'{parent}' is repeatable, but '{child}' runs only once per arrival."),
}

_TIMER = {
    "TMR-001": _error("'{v}' is not an ISO 8601 duration. PT30S waits 30 seconds."),
    "TMR-002": _error("Start the duration with 'P'."),
    "TMR-003": _error("Hours, minutes and seconds come after 'T'."),
    "TMR-004": _error("Add an amount after '{tail}', such as PT5M."),
    "TMR-005": _error("Write the parts in the order Y M D T H M S."),
    "TMR-006": _error("Use capital letters."),
    "TMR-007": _error("A delay cannot be negative."),
    "TMR-008": _error("Weeks cannot be combined with other parts."),
    "TMR-009": _error("A date is not accepted here. Enter {allowed}, such as {example}."),
    "TMR-010": _error("Only the last part may have a fraction, and never years or months."),
    "TMR-011": _error("The delay is longer than 100 years."),
    "TMR-012": _error("Repeating intervals and cron expressions are not accepted here."),
    "TMR-014": _warning("PT0S means no delay. Leave the field empty."),
    "TMR-015": _warning("{v} is {months} months. For {months} minutes write {guess}."),
    "TMR-016": _error("'{v}' is not a date-time, such as 2030-05-01T09:00:00Z."),
    "TMR-017": _error("'{v}' is not a cycle, such as R5/PT10M."),
    "TMR-018": _error("A cron expression needs six fields, seconds first ({fault})."),
    "TMR-019": _error("'${{ }}' cannot be used here."),
}

_TEMPLATE = {
    "JSN-001": _error("Enter a JSON message."),
    "JSN-002": _error("{found} found, {expected} expected."),
    "JSN-003": _error("The {field} must be {root}."),
    "JSN-004": _error("'{k}' appears twice (first on line {a})."),
    "JSN-005": _error("'${{' has no closing '}}'."),
    "JSN-006": _error("'${{}}' names no key."),
    "JSN-007": _error("'{path}' is not a key path. Example: application.client.firstName"),
    "JSN-008": _error("A placeholder cannot be used as a member name."),
    "JSN-009": _error("Put quotes around text mixed with a placeholder."),
    "JSN-010": _error("Remove the comma before '{c}'."),
    "JSN-011": _error('Use straight double quotes (").'),
    "JSN-012": _error("{thing} is not allowed in JSON."),
    "JSN-013": _error("A placeholder cannot contain another placeholder."),
    "JSN-014": _error("The {field} is {n} KiB; the limit is 256 KiB."),
    "JSN-015": _warning("'${{…}}' will be sent as written because Replace values is off."),
    "KEY-101": _warning(
        "'{path}' is not in the data model.", near="'{path}' is not in the data model. Did you mean '{near}'?"
    ),
    "KEY-102": _warning("'{path}' is marked sensitive and would be sent to {target}."),
    "KEY-103": _warning("The process value '{path}' hides the generic parameter."),
    "KEY-104": _warning("'{path}' goes into '{part}', which is a {type}."),
    "KEY-105": _blocker("'{path}' is secret and must not go to browsers."),
}

_KAFKA = {
    "KFK-001": _error("Add at least one topic."),
    "KFK-002": _error("'{t}' is not a legal topic name: letters, digits, '.', '_', '-', at most 249, not '.' or '..'."),
    "KFK-003": _error("'{t}' is listed twice."),
    "KFK-004": _error("A header has no name."),
    "KFK-006": _blocker("No action named '{a}' in this process."),
    "KFK-007": _blocker("No node named '{n}' in this process."),
    "KFK-008": _warning("'{t}' is in no integration and was not found on the broker {checked}."),
    "KFK-009": _warning("The engine listens on '{t}' and would receive its own message."),
    "KFK-011": _error("Choose a scenario.", missing="'{system} · {scenario}' no longer exists."),
    "KFK-012": _blocker("'{scenario}' has no {direction} topic for environment '{env}'."),
    "KFK-013": _blocker("'{prop}' is mandatory in '{scenario}' but is not in the message."),
    "KFK-014": _warning("'{prop}' should be {type}; the message gives {got}."),
    "KFK-015": _warning("Nothing on or after this node listens on '{topic}'."),
    "KFK-016": _blocker("'{p}' in the topic is neither a generic parameter nor a known key."),
    "KFK-017": _blocker("A reply would run '{a}' and this send again, for ever."),
    "KFK-018": _warning(
        "The token may leave '{node}' before the reply comes. Make '{root}' Optional and add a Mandatory Manual action."
    ),
    "KFK-019": _warning("The engine does not listen on '{t}' (pattern {p})."),
}

_BROWSER = {
    "WS-001": _error("An Action message needs 'processName'."),
    "WS-002": _error("'type' must be START_PROCESS_INHERIT."),
    "WS-003": _blocker("No process named '{p}'."),
    "WS-004": _blocker("'{p}' has no published version."),
    "WS-005": _error("'clientDataKeys' must be a list of texts."),
    "WS-006": _error("'params' must be an object."),
    "WS-007": _error("'{member}' must be a list of keys."),
    "WS-008": _warning("Both lists are set: keys are copied first, then removed."),
    "WS-009": _warning("'{process}' is started by no other process; there may be no parent."),
    "WS-010": _blocker("'{p}' has no start node with condition '{c}'."),
    "BCK-001": _error("Turn on 'Allow BACK on this action' first."),
    "BCK-002": _warning("Keys for restart do nothing without 'Restart from snapshot'."),
    "BCK-003": _warning("Node '{n}' does not allow going back; this action cannot be reached from beyond it."),
    "DTS-001": _error("Remove the empty key or enter a path."),
    "DTS-002": _error("'{k}' is not a key path. Example: application.client.email"),
    "DTS-003": _error("'{k}' is listed twice."),
    "DTS-004": _error("Enter the key itself, without '${{ }}'."),
    "DTS-005": _warning("'{k}' is already covered by '{parent}'."),
    "DTS-006": _warning(
        "'{path}' is not in the data model.", near="'{path}' is not in the data model. Did you mean '{near}'?"
    ),
}

_OTHER_TYPES = {
    "SAV-001": _warning("An Automatic Save Data has nothing to store."),
    "SAV-002": _warning("Without Data to send keys '{name}' stores nothing."),
    "BRL-001": _error("Add at least one rule."),
    "BRL-002": _error("'{t}' cannot be set. Example: application.status"),
    "BRL-003": _warning("Rows {a} and {b} set '{t}'; the later one wins."),
    "BRL-004": _error("The decision table cannot be used: {fault}."),
    "UPL-001": _error("Enter the document type."),
    "UPL-002": _error("Enter the folder."),
    "SUB-001": _error("Choose the process to start."),
    "SUB-002": _blocker("No process named '{p}'.", unpublished="'{p}' has no published version."),
    "SUB-003": _warning("Both lists are set: keys are copied first, then removed."),
    "SUB-004": _warning("'{p}' has several start nodes; set the key startCondition first."),
    "APP-001": _error("'{d}' is not a key path; leave it empty for the top level."),
    "APP-002": _warning("'{process}' is started by no other process; there may be no parent."),
}

_EXPRESSION = {
    "EXP-001": _error("Enter {what}."),
    "EXP-002": _error("'{part}' cannot be read: {reason}."),
    "EXP-003": _error("'{x}' is not known here. Write input.{x} or config.{x}."),
    "EXP-004": _error("'{f}' answers differently each time. Use a key instead."),
    "EXP-005": _blocker("{language} does not run here. Rewrite it in ZEN."),
    "EXP-006": _warning("'{path}' may be missing or no number."),
}

_GRAPH = {
    "NOD-001": _error("Enter a name of at most 100 characters.", taken="Another node is already named '{n}'."),
    "NOD-002": _blocker("The process needs a {what} node."),
    "NOD-003": _blocker("Give each start node its own start condition."),
    "NOD-004": _blocker("Node '{n}' cannot be reached.", no_way_out="Node '{n}' has no outgoing sequence."),
    "NOD-005": _blocker("Gateway '{n}': {reason}."),
    "NOD-006": _blocker("The engine does not listen on '{t}' (pattern {p})."),
    "NOD-007": _error("Enter the key that receives the reply.", twice="Topic '{t}' is listed twice."),
    "NOD-008": _blocker("'{n}' sends nothing."),
    "NOD-009": _warning("The token passes '{n}' without stopping. Add a Mandatory Manual action."),
    "NOD-010": _blocker("'{a} → … → {a}' can run forever without waiting."),
    "NOD-011": _blocker("'{a}' and '{b}': only one timer start node is allowed."),
    "NOD-012": _blocker("Gateway '{n}' both joins and splits. Use two gateways."),
    "NOD-013": _blocker("'{n}' waits for its subprocess: enter the output key."),
    "NOD-014": _blocker("'{n}' may have {what} sequence."),
    "NOD-015": _blocker("'{n}' needs {field}.", host="'{n}' cannot sit on a {nodeType}."),
    "NOD-016": _warning("After a timeout '{key}' is missing, and '{gateway}' does not test it."),
    "NOD-017": _warning("'{n}' is reached by a side token; a user task should not be."),
    "PRC-001": _error("Enter a name of at most 100 characters."),
    "PRC-002": _error("'{n}' already exists."),
    "PRC-003": _error("'{c}' cannot be used."),
    "PRC-004": _error(
        "Fix {n} problem(s) before publishing.", message="Use at most 200 characters for the message (now {n})."
    ),
    "PRC-005": _error(
        "'{v}' is not an ISO 8601 duration. PT30S waits 30 seconds.",
        cron="A cron expression needs six fields, seconds first ({fault}).",
    ),
    "PRC-006": _warning("Only superusers can start this process."),
    "PRC-010": _error("{n} instance(s) are running."),
}

_IMPORT = {
    "IMP-001": _error("This file is not a process export ({reason})."),
    "IMP-002": _error("The file has format {v}; this designer reads {min} to {max}."),
    "IMP-004": _error("{path}: {text}"),
    "IMP-005": _warning(
        "{n} reference(s) (systems, parameters, processes, groups, swimlanes, environments) are missing here: {list}. "
        "They become problems in the draft."
    ),
    "IMP-006": _error("The file is {n} MB; the limit is 10 MB."),
    "IMP-007": _error("A draft of '{name}' exists: replace it, or import under another name."),
    "IMP-008": _warning("{n} name(s) cannot be used here and will be renamed: {list}."),
}

_PARAMETER = {
    "PRM-001": _error("Enter a key such as warehouse.region, at most 100 characters."),
    "PRM-002": _error("'{key}' already has a value for '{env}'."),
    "PRM-003": _error("At most 255 characters (now {n})."),
    "PRM-004": _error("'{key}' is a reserved name."),
    "PRM-005": _warning("Environment variable '{v}' is not set here."),
    "PRM-006": _error("The name must begin with FLOWX_PARAM_."),
}

CATALOGUE: dict[str, Entry] = {}
for _part in (_ACTION, _TIMER, _TEMPLATE, _KAFKA, _BROWSER, _OTHER_TYPES, _EXPRESSION, _GRAPH, _IMPORT, _PARAMETER):
    if doubled := CATALOGUE.keys() & _part.keys():
        raise RuntimeError(f"Codes listed twice: {sorted(doubled)}")
    CATALOGUE.update(_part)

RETIRED = frozenset({"TMR-013", "KFK-005", "KFK-010", "IMP-003"})
