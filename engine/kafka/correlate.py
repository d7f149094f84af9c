"""From Kafka records to stimuli: which instance a record is for and which request it answers (engine 6.6, scenarios 1.4).

A batch takes two statements, however many records it has. What follows (which node, early, held, late) the core decides; a record
that is not JSON or matches no instance ends here as a `Stray`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from operator import methodcaller
from typing import Any
from uuid import UUID

from confluent_kafka import Message
from django.db.models import Q

from engine.core import jsonio
from engine.core.stimuli import MessageReceived, Request
from engine.kafka import deadletters
from engine.models import Instance, OutboxMessage

INSTANCE_UUID = "processInstanceUuid"
INSTANCE_ID = "processInstanceId"
MESSAGE_ID = "Fx-MessageId"
IN_REPLY_TO = "Fx-InReplyTo"
BIGGEST_ID = 2**63 - 1
HEADERS_OF = methodcaller("headers")
"""`message.headers()`, with its result checked. For a header's name that is not UTF-8 confluent-kafka gives a broken list with
an exception set; the interpreter's fast path for plain method calls does not look at that, and the process would crash."""
LONGEST_ID = 40  # digits, leading zeros included
NOT_JSON = "NOT_JSON"
NO_INSTANCE = "NO_INSTANCE"


@dataclass(frozen=True, slots=True)
class Record:
    """A Kafka record as read: headers as text, the last of a name counts, what cannot be decoded is left out."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: Mapping[str, str]
    received_at: datetime
    fault: str = ""  # why the record cannot be read at all

    @property
    def key_text(self) -> str | None:
        return None if self.key is None else printable(self.key.decode(errors="replace"))

    @property
    def message_id(self) -> UUID | None:
        return uuid_in(self.headers.get(MESSAGE_ID))

    @property
    def in_reply_to(self) -> UUID | None:
        return uuid_in(self.headers.get(IN_REPLY_TO))


@dataclass(frozen=True, slots=True)
class Stray:
    """A record that reaches no instance: dead-lettered with this reason, and the partition moves on."""

    record: Record
    reason: str
    error: str
    message_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """A message of our own: what a reply may name, or a connector merely send back."""

    topic: str
    instance_id: int | None
    request: Request | None


class NoInstance(Exception):
    """The record names no instance, an unknown one, or several."""


def record_of(message: Message, now: datetime) -> Record:
    """What confluent-kafka gave, with headers made safe to store."""
    headers: dict[str, str] = {}
    fault = ""
    try:
        pairs: Any = HEADERS_OF(message) or ()
    except (SystemError, UnicodeDecodeError):
        pairs, fault = (), "The name of a header is not UTF-8, so no header of the record can be read."
    for name, value in pairs:
        content = value.encode() if isinstance(value, str) else value
        try:
            headers[printable(name)] = printable((content or b"").decode())
        except UnicodeDecodeError:
            continue
    key, value = message.key(), message.value()
    return Record(
        topic=message.topic() or "",
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        key=key.encode() if isinstance(key, str) else key,
        value=value.encode() if isinstance(value, str) else value or b"",
        headers=headers,
        received_at=now,
        fault=fault,
    )


def body_of(record: Record) -> jsonio.Json:
    """The record's JSON; raises `JsonError` for a record that cannot be read."""
    if record.fault:
        raise jsonio.JsonError(record.fault)
    return jsonio.loads(record.value)


def printable(text: str) -> str:
    """Text that a database keeps: no NUL."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


@lru_cache(maxsize=4096)  # a record's ids are asked for again and again while its batch is taken in
def uuid_in(text: str | None) -> UUID | None:
    """The uuid that a text holds, None when it holds none."""
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def correlate(records: Sequence[Record]) -> list[MessageReceived | Stray]:
    """A stimulus or a stray for each record, in order."""
    own = own_messages(records)
    directory = Directory(records)
    return [_one(record, own, directory) for record in records]


def _one(record: Record, own: Mapping[UUID, Sent], directory: Directory) -> MessageReceived | Stray:
    message_id, answers = identity(record, own)
    try:
        value = body_of(record)
    except jsonio.JsonError as error:
        return Stray(record, NOT_JSON, str(error), message_id)
    try:
        instance_id, instance_uuid = directory.instance_of(record)
    except NoInstance as error:
        return Stray(record, NO_INSTANCE, str(error), message_id)
    known = answers is not None and answers.instance_id == instance_id
    return MessageReceived(
        instance_uuid=instance_uuid,
        topic=record.topic,
        value=value,
        raw=record.value,
        received_at=record.received_at,
        key=record.key_text,
        headers=deadletters.without_secrets(record.headers),
        message_id=message_id,
        request=answers.request if known and answers is not None else None,
        partition=record.partition,
        offset=record.offset,
    )


def identity(record: Record, own: Mapping[UUID, Sent]) -> tuple[UUID | None, Sent | None]:
    """The record's own id, and our message that it answers.

    A connector that copies all headers sends our own id back: that names the request and is not the record's identity. Our own
    message on the topic that we sent it to is itself.
    """
    message_id = record.message_id
    answers = own.get(record.in_reply_to) if record.in_reply_to else None
    echoed = own.get(message_id) if message_id else None
    if echoed is not None and echoed.topic != record.topic:
        return None, answers or echoed
    return message_id, answers


def own_messages(records: Sequence[Record]) -> dict[UUID, Sent]:
    """Those of our own messages that the records name, by their id."""
    ids = {name for record in records for name in (record.message_id, record.in_reply_to) if name is not None}
    if not ids:
        return {}
    rows = OutboxMessage.objects.filter(id__among=ids).values_list(
        "id", "topic", "instance_id", "visit_number", "action_id", "run"
    )
    return {
        row_id: Sent(
            topic,
            instance_id,
            None if visit_number is None or action_id is None else Request(visit_number, action_id, run),
        )
        for row_id, topic, instance_id, visit_number, action_id, run in rows
    }


class Directory:
    """The instances that a batch of records names, by number and by uuid."""

    def __init__(self, records: Sequence[Record]) -> None:
        numbers: set[int] = set()
        uuids: set[UUID] = set()
        for record in records:
            for name in names_of(record):
                if isinstance(name, int):
                    numbers.add(name)
                elif isinstance(name, UUID):
                    uuids.add(name)
        self._found: dict[int | UUID, tuple[int, UUID]] = {}
        if numbers or uuids:
            rows = Instance.objects.filter(Q(id__among=numbers) | Q(uuid__among=uuids))
            for number, uuid in rows.values_list("id", "uuid"):
                self._found[number] = self._found[uuid] = (number, uuid)

    def instance_of(self, record: Record) -> tuple[int, UUID]:
        """Number and uuid of the record's instance; raises `NoInstance`."""
        names = names_of(record)
        if not names:
            raise NoInstance(
                f"The record names no instance: it has no header {INSTANCE_UUID} or {INSTANCE_ID}, and its key is no uuid."
            )
        found = {self._found.get(name) if not isinstance(name, str) else None for name in names}
        if len(found) > 1:
            raise NoInstance(f"The headers {INSTANCE_UUID} and {INSTANCE_ID} do not name the same instance.")
        instance = found.pop()
        if instance is None:
            raise NoInstance(f"There is no process instance {' or '.join(str(name) for name in names)}.")
        return instance


def names_of(record: Record) -> list[int | UUID | str]:
    """What the record says of its instance: both headers, each a number or a uuid, else the key as uuid.

    A header that is neither stays as text: it names nobody.
    """
    headers = [record.headers.get(name, "").strip() for name in (INSTANCE_UUID, INSTANCE_ID)]
    if any(headers):
        return [_name(text) for text in headers if text]
    key = uuid_in(record.key_text)
    return [] if key is None else [key]


def _name(text: str) -> int | UUID | str:
    if text.isascii() and text.isdecimal() and len(text) <= LONGEST_ID and int(text) <= BIGGEST_ID:
        return int(text)
    return uuid_in(text) or text[:100]
