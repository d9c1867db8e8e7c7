"""Amazon SNS as a sender: real messages, posted over HTTP to the running function.

The server of SNS is moto's. What it posts is what SNS posts, but for the signature, which is noise, and for
the confirmation of a subscription, which it does not ask for. So a relay stands between the two: it signs
what it is sent with a key of the test's own, whose certificate lies where the message says.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3  # type: ignore[import-untyped]
import pytest
import requests
from moto.server import ThreadedMotoServer
from werkzeug.serving import make_server

from tests.eventually import eventually
from tests.functions.webhook import Waiting
from tests.receiver import Received, Receiver, Reply, receiver
from tests.sns import ADDRESS, TOPIC, Message, Web, certificate, message, signed

pytest_plugins = ["tests.functions.webhook_fixtures"]

TIMEOUT_SECONDS = 20
APPOINTMENT = '{"resourceType":"Appointment","id":"a-1"}'
SNS_HEADERS = {"Content-Type": "text/plain; charset=UTF-8"}


@dataclass
class Running:
    """The function, listening; and what it answered."""

    url: str
    answers: list[int] = field(default_factory=list)


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Web:
    """What the function finds at Amazon's."""
    web = Web()
    monkeypatch.setattr("shared.adapters.sns.fetch", web)
    return web


@pytest.fixture
def running(web: Web, application: Callable[[], Any]) -> Iterator[Running]:
    assert web.asked == []
    app = application()
    server = make_server("127.0.0.1", 0, app, threaded=True)
    running = Running(f"http://127.0.0.1:{server.server_port}")

    def note(answer: Any) -> Any:
        running.answers.append(answer.status_code)
        return answer

    app.after_request(note)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def amazon() -> Iterator[Any]:
    """A client of SNS."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield boto3.client(
        "sns",
        endpoint_url=f"http://{host}:{port}",
        region_name="us-east-1",
        aws_access_key_id="nobody",
        aws_secret_access_key="nothing",
    )
    server.stop()


@pytest.fixture
def topic(amazon: Any, add_hooks: Callable[[bytes], None]) -> str:
    """One that the practice's hooks secret names, and to which nobody is subscribed yet."""
    arn: str = amazon.create_topic(Name=f"appointments-{uuid.uuid4().hex}")["TopicArn"]
    add_hooks(json.dumps({"sns": {"topics": [arn]}}).encode())
    return arn


def subscribe(amazon: Any, topic: str, url: str) -> None:
    amazon.subscribe(TopicArn=topic, Protocol="http", Endpoint=f"{url}/ehr/one")


def genuine() -> bytes:
    return certificate(begins=datetime.now(UTC) - timedelta(days=1))


@dataclass
class Relay:
    """Between SNS and the function: hands on what arrives as it is, and then signed."""

    web: Web
    running: Running
    originals: list[Message] = field(default_factory=list)
    answered: list[tuple[int, int]] = field(default_factory=list)

    def __call__(self, request: Received) -> Reply:
        told = json.loads(request.body)
        self.web.pages[told["SigningCertURL"]] = genuine()
        self.originals.append(told)
        as_it_is = self._post(request, request.body)
        self.answered.append((as_it_is, self._post(request, json.dumps(signed(told)).encode())))
        return Reply(200)

    def _post(self, request: Received, body: bytes) -> int:
        url = f"{self.running.url}{request.path}"
        return requests.post(url, body, headers=SNS_HEADERS, timeout=TIMEOUT_SECONDS).status_code


@pytest.fixture
def relay(web: Web, running: Running) -> Iterator[tuple[Relay, Receiver]]:
    with receiver() as listening:
        relay = Relay(web, running)
        listening.reply = relay
        yield relay, listening


# --- what SNS itself posts ------------------------------------------------------------------------------


def test_what_is_published_to_a_topic_has_the_appointment_read(
    amazon: Any, topic: str, relay: tuple[Relay, Receiver], waiting: Waiting
) -> None:
    between, listening = relay
    subscribe(amazon, topic, listening.url)
    amazon.publish(TopicArn=topic, Message=APPOINTMENT, Subject="A change")
    eventually(lambda: between.answered, "both are answered")
    assert between.answered == [(401, 202)]
    [body] = waiting.bodies()
    assert (body["kind"], body["practice"], body["ids"]) == ("rows", "one", ["a-1"])
    assert {"Type", "MessageId", "TopicArn", "Message", "Timestamp", "SignatureVersion"} <= set(
        between.originals[0]
    )


def test_a_message_whose_signature_is_noise_is_refused(
    amazon: Any, topic: str, running: Running, waiting: Waiting
) -> None:
    subscribe(amazon, topic, running.url)
    amazon.publish(TopicArn=topic, Message=APPOINTMENT)
    eventually(lambda: running.answers, "it is answered")
    assert running.answers == [401]
    assert waiting.bodies() == []


def test_a_message_delivered_raw_is_signed_by_nobody_and_refused(
    amazon: Any, topic: str, running: Running, waiting: Waiting
) -> None:
    raw = {"RawMessageDelivery": "true"}
    endpoint = f"{running.url}/ehr/one"
    amazon.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint, Attributes=raw)
    amazon.publish(TopicArn=topic, Message=APPOINTMENT)
    eventually(lambda: running.answers, "it is answered")
    assert running.answers == [401]
    assert waiting.bodies() == []


def test_a_topic_that_is_not_named_is_refused_however_it_is_signed(
    amazon: Any, topic: str, relay: tuple[Relay, Receiver], waiting: Waiting, web: Web
) -> None:
    between, listening = relay
    other = amazon.create_topic(Name=f"another-{uuid.uuid4().hex}")["TopicArn"]
    assert other != topic
    subscribe(amazon, other, listening.url)
    amazon.publish(TopicArn=other, Message=APPOINTMENT)
    eventually(lambda: between.answered, "both are answered")
    assert between.answered == [(401, 401)]
    assert (waiting.bodies(), web.asked) == ([], [])


# --- what it does not post here -------------------------------------------------------------------------


def post(running: Running, told: Message) -> int:
    url, body = f"{running.url}/ehr/one", json.dumps(told).encode()
    return requests.post(url, body, headers=SNS_HEADERS, timeout=TIMEOUT_SECONDS).status_code


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_subscription_is_confirmed_once_its_message_verifies(
    running: Running, topic: str, web: Web, waiting: Waiting, version: str
) -> None:
    web.pages[ADDRESS] = genuine()
    told = message(datetime.now(UTC), "SubscriptionConfirmation", topic, SignatureVersion=version)
    assert post(running, {**told, "Signature": "AAAA"}) == 401
    assert web.asked == [ADDRESS]
    assert post(running, signed(told)) == 200
    [confirmed] = web.asked[1:]
    assert confirmed.startswith("https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&")
    assert waiting.bodies() == []


def test_the_end_of_a_subscription_does_nothing(
    running: Running, topic: str, web: Web, waiting: Waiting
) -> None:
    web.pages[ADDRESS] = genuine()
    assert post(running, signed(message(datetime.now(UTC), "UnsubscribeConfirmation", topic))) == 200
    assert (web.asked, waiting.bodies()) == ([ADDRESS], [])


def test_a_practice_without_topics_believes_no_topic(running: Running, web: Web, waiting: Waiting) -> None:
    web.pages[ADDRESS] = genuine()
    assert post(running, signed(message(datetime.now(UTC), topic=TOPIC))) == 401
    assert (web.asked, waiting.bodies()) == ([], [])


def test_a_message_beside_a_hook_of_the_ehrs_own(
    running: Running, topic: str, web: Web, waiting: Waiting
) -> None:
    """Both forms live in one secret: the topic does not end what was there before."""
    assert topic
    headers = {"Authorization": "Bearer the hook secret of practice one"}
    url = f"{running.url}/ehr/one"
    assert requests.post(url, b"{}", headers=headers, timeout=TIMEOUT_SECONDS).status_code == 202
    assert [body["kind"] for body in waiting.bodies()] == ["feed"]
    assert web.asked == []
