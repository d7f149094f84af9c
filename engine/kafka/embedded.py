"""The embedded broker: librdkafka's mock cluster, a Kafka on a loopback port inside this process, for `demo` and tests.

It speaks the real protocol over TCP, so any client in any process may connect to `bootstrap`. It keeps records in
memory only, makes topics by itself (4 partitions), checks neither names nor sizes, and is gone with its process. What
else it can and cannot do stands in scenarios 6.4; `tests/kafka/test_embedded_broker.py` holds each fact that the program
leans on. A name in a subscription is never assigned when its topic is made later, a pattern is: write names as patterns.
Reached by ctypes in the library that confluent-kafka brings along, since its Python side injects no faults.
"""

import ctypes
import ctypes.util
from collections.abc import Mapping
from enum import IntEnum
from pathlib import Path
from types import TracebackType
from typing import Self

import confluent_kafka

PRODUCER = 0  # rd_kafka_type_t: the handle that carries the cluster; nothing is produced by it
LIBRARY_FOLDERS = ("../confluent_kafka.libs", ".dylibs", ".")


class EmbeddedBrokerError(RuntimeError):
    """The mock cluster could not be made; the message says what is missing."""


class Request(IntEnum):
    """Kafka's request types whose answers can be made to fail."""

    PRODUCE = 0
    FETCH = 1
    LIST_OFFSETS = 2
    METADATA = 3
    OFFSET_COMMIT = 8
    OFFSET_FETCH = 9
    FIND_COORDINATOR = 10
    INIT_PRODUCER_ID = 22
    CONSUMER_GROUP_HEARTBEAT = 68


class Answer(IntEnum):
    """Error codes to answer with."""

    CUT_THE_CONNECTION = -195
    UNKNOWN_TOPIC = 3
    REQUEST_TIMED_OUT = 7
    RECORD_TOO_LARGE = 10
    INVALID_TOPIC = 17
    NOT_ENOUGH_REPLICAS = 19
    TOPIC_NOT_AUTHORISED = 29


def load_library() -> ctypes.CDLL:
    """The librdkafka of confluent-kafka's wheel, else the system's; raises EmbeddedBrokerError without either."""
    home = Path(confluent_kafka.__file__).parent
    candidates = [str(path) for folder in LIBRARY_FOLDERS for path in sorted((home / folder).glob("*rdkafka*"))]
    for name in [*candidates, ctypes.util.find_library("rdkafka")]:
        if name and (".so" in name or ".dylib" in name or ".dll" in name):
            library = ctypes.CDLL(name)
            if hasattr(library, "rd_kafka_mock_cluster_new"):
                return declare(library)
    raise EmbeddedBrokerError("No librdkafka with a mock cluster was found; install confluent-kafka from its wheel.")


def declare(library: ctypes.CDLL) -> ctypes.CDLL:
    """Give the functions that are used their C types; without them pointers would be cut to 32 bits."""
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    signatures: dict[str, tuple[type | None, list[type]]] = {
        "rd_kafka_conf_new": (pointer, []),
        "rd_kafka_conf_set": (number, [pointer, text, text, text, ctypes.c_size_t]),
        "rd_kafka_new": (pointer, [number, pointer, text, ctypes.c_size_t]),
        "rd_kafka_destroy": (None, [pointer]),
        "rd_kafka_mock_cluster_new": (pointer, [pointer, number]),
        "rd_kafka_mock_cluster_destroy": (None, [pointer]),
        "rd_kafka_mock_cluster_bootstraps": (text, [pointer]),
        "rd_kafka_mock_topic_create": (number, [pointer, text, number, number]),
        "rd_kafka_mock_broker_set_down": (number, [pointer, ctypes.c_int32]),
        "rd_kafka_mock_broker_set_up": (number, [pointer, ctypes.c_int32]),
        "rd_kafka_mock_broker_set_rtt": (number, [pointer, ctypes.c_int32, number]),
        "rd_kafka_mock_clear_request_errors": (None, [pointer, ctypes.c_int16]),
        "rd_kafka_mock_push_request_errors_array": (
            None,
            [pointer, ctypes.c_int16, ctypes.c_size_t, ctypes.POINTER(number)],
        ),
        "rd_kafka_mock_set_group_consumer_heartbeat_interval_ms": (None, [pointer, number]),
        "rd_kafka_mock_set_group_consumer_session_timeout_ms": (None, [pointer, number]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class EmbeddedBroker:
    """One running mock cluster of one broker; a context manager, or ended by `stop`.

    `bootstrap` is its address. Faults last until they are used up (`fail_next`) or taken back (`set_up`,
    `clear_failures`). Group members that vanish are replaced after `session_timeout_ms`; rebalances are seen within
    `heartbeat_ms`.
    """

    def __init__(
        self, topics: Mapping[str, int] | None = None, *, heartbeat_ms: int = 500, session_timeout_ms: int = 10_000
    ) -> None:
        self._library = load_library()
        reason = ctypes.create_string_buffer(512)
        conf = self._library.rd_kafka_conf_new()
        self._library.rd_kafka_conf_set(conf, b"log_level", b"0", reason, len(reason))
        self._handle = self._library.rd_kafka_new(PRODUCER, conf, reason, len(reason))
        if not self._handle:
            raise EmbeddedBrokerError(f"librdkafka gave no handle: {reason.value.decode()}")
        self._cluster = self._library.rd_kafka_mock_cluster_new(self._handle, 1)
        if not self._cluster:
            self._library.rd_kafka_destroy(self._handle)
            raise EmbeddedBrokerError("librdkafka could not open a loopback port for the embedded broker.")
        self._library.rd_kafka_mock_set_group_consumer_heartbeat_interval_ms(self._cluster, heartbeat_ms)
        self._library.rd_kafka_mock_set_group_consumer_session_timeout_ms(self._cluster, session_timeout_ms)
        self.bootstrap: str = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()
        for name, partitions in (topics or {}).items():
            self.create_topic(name, partitions)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End the broker; what it held is gone. May be called twice."""
        if self._cluster:
            self._library.rd_kafka_mock_cluster_destroy(self._cluster)
            self._library.rd_kafka_destroy(self._handle)
            self._cluster = self._handle = None

    def create_topic(self, name: str, partitions: int = 4) -> None:
        """Make a topic; raises EmbeddedBrokerError where it exists already."""
        code = self._library.rd_kafka_mock_topic_create(self._cluster, name.encode(), partitions, 1)
        if code:
            raise EmbeddedBrokerError(
                f"The embedded broker did not make topic {name}: {confluent_kafka.KafkaError(code)}"
            )

    def set_down(self) -> None:
        """Cut all connections and take none until `set_up`, as when a broker is off the network; records are kept."""
        self._library.rd_kafka_mock_broker_set_down(self._cluster, -1)

    def set_up(self) -> None:
        """Take connections again."""
        self._library.rd_kafka_mock_broker_set_up(self._cluster, -1)

    def slow_down(self, delay_ms: int) -> None:
        """Answer every request after so many milliseconds; 0 ends it."""
        self._library.rd_kafka_mock_broker_set_rtt(self._cluster, -1, delay_ms)

    def fail_next(self, request: Request, *answers: Answer | int) -> None:
        """Answer the next requests of this type with these errors, one each, in order."""
        codes = (ctypes.c_int * len(answers))(*answers)
        self._library.rd_kafka_mock_push_request_errors_array(self._cluster, request, len(answers), codes)

    def clear_failures(self, request: Request) -> None:
        """Forget the errors not used up yet."""
        self._library.rd_kafka_mock_clear_request_errors(self._cluster, request)

    def mend(self) -> None:
        """Take back every fault: connections are taken, answers are quick and right."""
        for request in Request:
            self.clear_failures(request)
        self.slow_down(0)
        self.set_up()
