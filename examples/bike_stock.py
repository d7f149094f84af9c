"""A sample external system: the stock of an invented bicycle firm, which answers reservations over Kafka.

It knows nothing of the process engine and imports nothing of it: the contract is the record. It reads requests such as
`{"model": "TRAIL-300"}` and answers each with a reservation, or with `error` set where there is no bike. Model CARGO-500
is always out of stock. What any system that answers a process must do:

1. send back every header it received (but never `jwt`), so that the engine finds the instance and the node that waits;
2. use the key it received, so that answers of one instance stay in order;
3. move `Fx-MessageId` to `Fx-InReplyTo` and give the answer an id of its own, the same one if it handles the request twice;
4. always answer, also on failure: `error` is null or one sentence, `Fx-ErrorCode` a code;
5. note the request as read only after the answer has been taken by the broker.

    python examples/bike_stock.py --bootstrap 127.0.0.1:9092
"""

import argparse
import json
import re
import signal
import sys
import uuid
from operator import methodcaller
from typing import Any, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer

REQUEST_TOPIC = "warehouse.bike.reserve.v1"
REPLY_TOPIC = "ai.flowx.dev.engine.receive.bike.reserved.v1"
LONGEST_MODEL = 100  # characters of an unknown model that an answer repeats: it must fit into a record
BIKES: dict[str, dict[str, Any]] = {
    "CITY-120": {"name": "City 120", "price": 39.9, "inStock": True},
    "TRAIL-300": {"name": "Trail 300", "price": 59.9, "inStock": True},
    "ROAD-210": {"name": "Road 210", "price": 54.5, "inStock": True},
    "CARGO-500": {"name": "Cargo 500", "price": 89.0, "inStock": False},
}

Headers = list[tuple[str, str | bytes | None]]
HEADERS_OF = methodcaller("headers")
"""Checks the result, which a plain method call does not: for a name that is not UTF-8 confluent-kafka gives a broken list."""


def received(request: Message) -> Headers:
    """The request's headers in their order; a name may come more than once. None can be read when one has a broken name."""
    try:
        return cast(Headers, HEADERS_OF(request) or [])
    except (SystemError, UnicodeDecodeError):
        return []


def request_id(request: Message) -> uuid.UUID:
    """The request's `Fx-MessageId`; without a usable one, an id made from its place in Kafka."""
    given = dict(received(request)).get("Fx-MessageId") or b""
    try:
        return uuid.UUID(given.decode() if isinstance(given, bytes) else given)
    except ValueError:
        place = f"{request.topic()}/{request.partition()}/{request.offset()}/{request.timestamp()[1]}"
        return uuid.uuid5(uuid.NAMESPACE_URL, place)


def reply_headers(request: Message, reply_topic: str, error_code: str | None) -> Headers:
    """All received headers but `jwt`, the request's id as `Fx-InReplyTo`, and the answer's own id."""
    own = ("jwt", "Fx-MessageId", "Fx-InReplyTo", "Fx-ErrorCode")
    asked = request_id(request)
    headers: Headers = [(name, value) for name, value in received(request) if name not in own]
    headers.append(("Fx-InReplyTo", str(asked).encode()))
    headers.append(("Fx-MessageId", str(uuid.uuid5(asked, f"{reply_topic}/1")).encode()))
    if error_code:
        headers.append(("Fx-ErrorCode", error_code.encode()))
    return headers


def refuse(model: Any, sentence: str, code: str) -> tuple[dict[str, Any], str]:
    """An answer without a bike."""
    return {"reservationId": None, "model": model, "bike": None, "price": None, "error": sentence}, code


def reserve(order: Any, asked: uuid.UUID) -> tuple[dict[str, Any], str | None]:
    """The body of the answer, and an error code where there is no bike."""
    model = order.get("model") if isinstance(order, dict) else None
    if not isinstance(model, str) or not model:
        return refuse(None, "The field model is missing.", "INVALID_REQUEST")
    bike = BIKES.get(model)
    if bike is None:
        named = model if len(model) <= LONGEST_MODEL else f"{model[:LONGEST_MODEL]}..."
        return refuse(named, f"There is no model {named}.", "NOT_FOUND")
    if not bike["inStock"]:
        return refuse(model, f"{bike['name']} is out of stock.", "NOT_AVAILABLE")
    return {
        "reservationId": f"R-{asked.hex[:8].upper()}",
        "model": model,
        "bike": {"name": bike["name"], "frame": f"{model}-{asked.int % 9000 + 1000}"},
        "price": bike["price"],
        "error": None,
    }, None


def answer(producer: Producer, request: Message, reply_topic: str) -> str:
    """Answer one request and wait until the broker has the answer; gives the line to print.

    Raises KafkaException where the broker refused it, so that the request is not noted as read.
    """
    try:
        order = json.loads(request.value() or b"")
    except ValueError:
        return f"skipped a request that is not JSON (offset {request.offset()})"
    body, code = reserve(order, request_id(request))
    refused: list[KafkaError] = []
    producer.produce(
        reply_topic,
        json.dumps(body).encode(),
        key=request.key(),
        headers=reply_headers(request, reply_topic, code),
        on_delivery=lambda error, _: refused.append(error) if error else None,
    )
    producer.flush()
    if refused:
        raise KafkaException(refused[0])
    return f"{body['model']}: {body['error'] or 'reserved as ' + body['reservationId']}"


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Answers bicycle reservations over Kafka.")
    parser.add_argument("--bootstrap", default="127.0.0.1:9092", help="Kafka brokers")
    parser.add_argument("--group-protocol", default="classic", choices=("classic", "consumer"))
    parser.add_argument("--request-topic", default=REQUEST_TOPIC)
    parser.add_argument("--reply-topic", default=REPLY_TOPIC)
    return parser.parse_args()


def main() -> None:
    """Answer requests until SIGTERM or Ctrl-C."""
    options = parse_arguments()
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: stopping.append(number))
    producer = Producer({"bootstrap.servers": options.bootstrap, "enable.idempotence": True})
    consumer = Consumer(
        {
            "bootstrap.servers": options.bootstrap,
            "group.id": "bike-stock",
            "group.protocol": options.group_protocol,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "topic.metadata.refresh.interval.ms": 1000,
        }
    )
    # As a pattern, so that the topic may be made after this program has started.
    consumer.subscribe([f"^{re.escape(options.request_topic)}$"])
    print(f"bike_stock reads {options.request_topic} and answers on {options.reply_topic}", flush=True)
    while not stopping:
        request = consumer.poll(0.2)
        if request is None:
            continue
        if request.error():
            print(f"Kafka: {request.error()}", file=sys.stderr, flush=True)
            continue
        print(answer(producer, request, options.reply_topic), flush=True)
        consumer.commit(message=request, asynchronous=False)
    consumer.close()
    print("bike_stock has stopped", flush=True)


if __name__ == "__main__":
    main()
