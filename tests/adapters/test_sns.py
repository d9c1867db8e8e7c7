"""Messages of Amazon SNS: which are believed, and what is asked of whom to find out."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from shared.adapters.sns import (
    AGE_SECONDS_MAX,
    AHEAD_SECONDS_MAX,
    CERTIFICATE_BYTES_MAX,
    CERTIFICATES_MAX,
    READS_A_MINUTE,
    SnsMessages,
    fetch,
)
from shared.core.errors import RejectedError, RetryableError
from tests.fakes.clock import START, FakeClock
from tests.receiver import Receiver, Reply, receiver
from tests.sns import ADDRESS, TOKEN, TOPIC, Message, Web, body, certificate, message, rsa_key, signed

TOPICS = frozenset({TOPIC})
YESTERDAY = START - timedelta(days=1)
GENUINE = certificate(begins=YESTERDAY)


class Sns:
    """What opens messages, with a web and a time of its own."""

    def __init__(self) -> None:
        self.clock, self.web = FakeClock(), Web({ADDRESS: GENUINE})
        self._messages = SnsMessages(self.clock, self.web)

    def open(self, told: Message | bytes, topics: frozenset[str] = TOPICS) -> bytes | None:
        return self._messages.open(told if isinstance(told, bytes) else body(told), topics)

    def refuses(self, told: Message | bytes, reason: str, topics: frozenset[str] = TOPICS) -> bool:
        with pytest.raises(RejectedError) as caught:
            self.open(told, topics)
        return caught.value.reason == reason and caught.value.__cause__ is None


@pytest.fixture
def sns() -> Sns:
    return Sns()


# --- what is believed -----------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize(
    "extra", [{}, {"Subject": "A change"}, {"Subject": None}], ids=["none", "one", "null"]
)
def test_what_was_published_is_told(sns: Sns, version: str, extra: Message) -> None:
    told = message(START, Message="several\nlines, ümläüts \N{CALENDAR}", SignatureVersion=version, **extra)
    assert sns.open(signed(told)) == told["Message"].encode()


def test_a_message_that_comes_again_tells_the_same(sns: Sns) -> None:
    told = signed(message(START))
    assert sns.open(told) == sns.open(told)


@pytest.mark.parametrize("field", ["Message", "MessageId", "Subject", "Timestamp"])
def test_a_message_that_was_changed_is_refused(sns: Sns, field: str) -> None:
    told = signed(message(START, Subject="A change"))
    changed = "2026-03-02T08:00:01.000Z" if field == "Timestamp" else told[field] + " "
    assert told[field] != changed
    assert sns.refuses({**told, field: changed}, "sns_signature")


def test_a_part_that_is_signed_can_neither_be_left_out_nor_added(sns: Sns) -> None:
    with_subject, without = signed(message(START, Subject="A change")), signed(message(START))
    assert sns.refuses({**with_subject, "Subject": None}, "sns_signature")
    assert sns.refuses({**without, "Subject": "A change"}, "sns_signature")


@pytest.mark.parametrize(
    "changes",
    [
        {"Signature": ""},
        {"Signature": "not base64"},
        {"Signature": "ä"},
        {"Signature": "AAAA"},
        {"SignatureVersion": "1"},
        {"SignatureVersion": "3"},
        {"Message": "\ud800"},
    ],
    ids=["empty", "not base64", "not ASCII", "short", "another version", "no version", "half a character"],
)
def test_a_signature_that_does_not_fit_is_refused(sns: Sns, changes: Message) -> None:
    assert sns.refuses({**signed(message(START)), **changes}, "sns_signature")


def test_another_key_signs_nothing(sns: Sns) -> None:
    assert sns.refuses(signed(message(START), rsa_key(number=1)), "sns_signature")


def test_a_notification_is_no_confirmation(sns: Sns) -> None:
    """Its text may hold whatever somebody publishes, but not in the place of another field."""
    told = signed(message(START))
    turned = {**message(START, "SubscriptionConfirmation"), **told, "Type": "SubscriptionConfirmation"}
    assert sns.refuses(turned, "sns_signature")


# --- of which topic, and when ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "topic",
    [
        TOPIC.replace("appointments", "others"),
        TOPIC.replace("123456789012", "210987654321"),
        TOPIC.replace("us-east-1", "us-east-2"),
        TOPIC.upper(),
        "",
    ],
)
def test_a_topic_that_is_not_expected_is_refused_and_nobody_is_asked(sns: Sns, topic: str) -> None:
    assert sns.refuses(signed(message(START, topic=topic)), "sns_topic")
    assert sns.web.asked == []


@pytest.mark.parametrize(
    "topic",
    ["appointments", "arn:aws:sqs:us-east-1:123456789012:x", "arn:aws:sns:evil.example/:123456789012:x"],
)
def test_a_name_that_is_no_topic_is_of_no_host_even_where_it_is_expected(sns: Sns, topic: str) -> None:
    assert sns.refuses(signed(message(START, topic=topic)), "sns_topic", frozenset({topic}))


@pytest.mark.parametrize(
    ("seconds", "fresh"),
    [
        (0, True),
        (3_600, True),
        (AGE_SECONDS_MAX, True),
        (AGE_SECONDS_MAX + 1, False),
        (-AHEAD_SECONDS_MAX, True),
        (-AHEAD_SECONDS_MAX - 1, False),
    ],
)
def test_a_message_is_believed_as_long_as_it_may_be_under_way(
    sns: Sns,
    seconds: float,
    fresh: bool,  # noqa: FBT001 - an outcome
) -> None:
    told = signed(message(START - timedelta(seconds=seconds)))
    assert sns.open(told) if fresh else sns.refuses(told, "sns_stale")


@pytest.mark.parametrize("timestamp", ["", "soon", "2026-03-02T08:00:00.000", "99999-01-01T00:00:00Z"])
def test_a_time_that_is_none_is_refused_and_nobody_is_asked(sns: Sns, timestamp: str) -> None:
    assert sns.refuses(signed(message(START, Timestamp=timestamp)), "sns_malformed")
    assert sns.web.asked == []


# --- certificates ---------------------------------------------------------------------------------------

NAME = "SimpleNotificationService-0f1e2d3c.pem"


@pytest.mark.parametrize(
    "address",
    [
        f"http://sns.us-east-1.amazonaws.com/{NAME}",
        f"https://sns.us-east-2.amazonaws.com/{NAME}",
        f"https://sns.us-east-1.amazonaws.com.cn/{NAME}",
        f"https://sns.us-east-1.amazonaws.com.evil.example/{NAME}",
        f"https://sns.us-east-1.amazonaws.com@evil.example/{NAME}",
        f"https://sns.us-east-1.amazonaws.com:8443/{NAME}",
        f"https://sns.us-east-1.amazonaws.com\\@evil.example/{NAME}",
        f"https://evil.example/sns.us-east-1.amazonaws.com/{NAME}",
        f"https://SNS.us-east-1.amazonaws.com/{NAME}",
        f"https://sns.us-east-1.amazonaws.com/a/{NAME}",
        f"https://sns.us-east-1.amazonaws.com/../{NAME}",
        f"https://sns.us-east-1.amazonaws.com/{NAME}?x=1",
        f"https://sns.us-east-1.amazonaws.com/{NAME}#x",
        f"https://sns.us-east-1.amazonaws.com/{NAME}\n",
        f" https://sns.us-east-1.amazonaws.com/{NAME}",
        "https://sns.us-east-1.amazonaws.com/",
        "https://sns.us-east-1.amazonaws.com/?Action=ListTopics",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-.pem",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-1.pem.exe",
        NAME,
        "file:///etc/passwd",
        "",
    ],
)
def test_a_certificate_is_looked_for_at_sns_alone(sns: Sns, address: str) -> None:
    assert sns.refuses(signed(message(START, SigningCertURL=address)), "sns_address")
    assert sns.web.asked == []


UNFIT = {
    "over": certificate(begins=START - timedelta(days=30), days=29),
    "not begun": certificate(begins=START + timedelta(seconds=1)),
    "somebody's": certificate(begins=YESTERDAY, names=("sns.example.com",)),
    "another region's": certificate(begins=YESTERDAY, names=("sns.us-east-2.amazonaws.com",)),
    "only by its common name": certificate(begins=YESTERDAY, names=("sns.amazonaws.com", "sns.example.com")),
    "a short key": certificate(begins=YESTERDAY, key=rsa_key(1024)),
    "no RSA key": certificate(begins=YESTERDAY, key=ec.generate_private_key(ec.SECP256R1())),
    "no certificate": b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    "nothing": b"",
    "not there": RejectedError("sns_refused"),
}


@pytest.mark.parametrize("page", UNFIT.values(), ids=UNFIT)
def test_a_certificate_that_does_not_vouch_is_refused(sns: Sns, page: bytes | Exception) -> None:
    sns.web.pages[ADDRESS] = page
    assert sns.refuses(signed(message(START)), "sns_certificate")


@pytest.mark.parametrize(
    ("partition", "region", "domain", "name"),
    [
        ("aws", "us-east-1", "amazonaws.com", "sns.amazonaws.com"),
        ("aws", "us-east-1", "amazonaws.com", "sns.us-east-1.amazonaws.com"),
        ("aws", "af-south-1", "amazonaws.com", "sns-signing.af-south-1.amazonaws.com"),
        ("aws-us-gov", "us-gov-east-1", "amazonaws.com", "sns-us-gov-west-1.amazonaws.com"),
        ("aws-cn", "cn-north-1", "amazonaws.com.cn", "sns-cn-north-1.amazonaws.com.cn"),
    ],
)
def test_each_region_has_its_host_and_its_name(
    sns: Sns, partition: str, region: str, domain: str, name: str
) -> None:
    address = f"https://sns.{region}.{domain}/{NAME}"
    sns.web.pages = {address: certificate(begins=YESTERDAY, names=("x.example", "also.example", name))}
    topic = f"arn:{partition}:sns:{region}:123456789012:appointments"
    told = signed(message(START, topic=topic, SigningCertURL=address))
    assert sns.open(told, frozenset({topic})) is not None


def test_a_certificate_is_read_once_and_used_until_it_is_over(sns: Sns) -> None:
    for _ in range(3):
        sns.open(signed(message(sns.clock.now())))
    assert sns.web.asked == [ADDRESS]
    sns.clock.advance(30 * 86_400)
    assert sns.refuses(signed(message(sns.clock.now())), "sns_certificate")
    sns.web.pages[ADDRESS] = certificate(begins=START)
    assert sns.open(signed(message(sns.clock.now())))
    assert sns.web.asked == [ADDRESS] * 3


def address(number: int) -> str:
    return f"https://sns.us-east-1.amazonaws.com/SimpleNotificationService-{number}.pem"


def test_the_oldest_certificate_is_forgotten_beyond_the_bound(sns: Sns) -> None:
    for number in range(CERTIFICATES_MAX + 1):
        sns.web.pages[address(number)] = GENUINE
        sns.open(signed(message(START, SigningCertURL=address(number))))
    sns.web.asked.clear()
    sns.open(signed(message(START, SigningCertURL=address(1))))
    assert sns.web.asked == []
    sns.open(signed(message(START, SigningCertURL=address(0))))
    assert sns.web.asked == [address(0)]


def test_who_makes_up_addresses_has_sns_asked_no_more_often_than_the_bound(sns: Sns) -> None:
    sns.open(signed(message(START)))
    for number in range(READS_A_MINUTE - 1):
        assert sns.refuses(message(START, SigningCertURL=address(number), Signature="x"), "sns_certificate")
    with pytest.raises(RetryableError, match="sns_too_many_certificates"):
        sns.open(message(START, SigningCertURL=address(99), Signature="x"))
    assert len(sns.web.asked) == READS_A_MINUTE
    assert sns.open(signed(message(START)))
    sns.clock.advance(61)
    assert sns.refuses(message(START, SigningCertURL=address(99), Signature="x"), "sns_certificate")


def test_where_the_certificate_cannot_be_had_the_sender_comes_again(sns: Sns) -> None:
    sns.web.pages[ADDRESS] = RetryableError("sns_unavailable")
    with pytest.raises(RetryableError, match="sns_unavailable"):
        sns.open(signed(message(START)))
    sns.web.pages[ADDRESS] = GENUINE
    assert sns.open(signed(message(START)))


# --- subscriptions --------------------------------------------------------------------------------------


def test_a_subscription_is_confirmed_by_what_was_signed_and_at_sns(
    sns: Sns, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = "https://evil.example/?Action=Publish"
    told = message(START, "SubscriptionConfirmation", SubscribeURL=elsewhere)
    assert sns.open(signed(told)) is None
    certificate_at, confirmed = sns.web.asked
    assert certificate_at == ADDRESS
    split = urlsplit(confirmed)
    assert (split.scheme, split.netloc, split.path) == ("https", "sns.us-east-1.amazonaws.com", "/")
    asked = {"Action": ["ConfirmSubscription"], "TopicArn": [TOPIC], "Token": [TOKEN]}
    assert parse_qs(split.query) == asked
    line = json.loads(capsys.readouterr().out)
    assert (line["event"], line["type"], line["topic"]) == ("sns.subscription", told["Type"], TOPIC)


def test_a_subscription_that_nobody_signed_is_not_confirmed(sns: Sns) -> None:
    told = signed(message(START, "SubscriptionConfirmation"))
    assert sns.refuses({**told, "Token": "another"}, "sns_signature")
    assert sns.refuses({**told, "TopicArn": TOPIC + "x"}, "sns_topic")
    assert sns.web.asked == [ADDRESS]


@pytest.mark.parametrize("error", [RetryableError("sns_unavailable"), RejectedError("sns_refused")])
def test_a_confirmation_that_fails_is_said(error: Exception) -> None:
    def read(url: str) -> bytes:
        if url == ADDRESS:
            return GENUINE
        raise error

    with pytest.raises(type(error), match=str(error)):
        SnsMessages(FakeClock(), read).open(body(signed(message(START, "SubscriptionConfirmation"))), TOPICS)


def test_the_end_of_a_subscription_is_noted_and_nothing_is_done(
    sns: Sns, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sns.open(signed(message(START, "UnsubscribeConfirmation"))) is None
    assert sns.web.asked == [ADDRESS]
    assert json.loads(capsys.readouterr().out)["type"] == "UnsubscribeConfirmation"


# --- what is no message ---------------------------------------------------------------------------------


def without(name: str) -> Message:
    return {key: value for key, value in signed(message(START)).items() if key != name}


MALFORMED: dict[str, Any] = {
    "nothing": b"",
    "no JSON": b"{",
    "deep": b"[" * 100_000,
    "not UTF-8": b"\xff\xfe\xff",
    "a list": b"[]",
    "delivered raw": b'{"resourceType":"Appointment","id":"1"}',
    "another type": {**signed(message(START)), "Type": "Other"},
    "a type that is none": {**signed(message(START)), "Type": ["Notification"]},
    "a number": {**signed(message(START)), "Message": 7},
    "a subject that is none": {**signed(message(START)), "Subject": ["x"]},
    **{f"no {name}": without(name) for name in signed(message(START)) if name != "Type"},
    "no Type": without("Type"),
    "no Token": {**signed(message(START, "SubscriptionConfirmation")), "Token": None},
}


@pytest.mark.parametrize("told", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_message_of_sns_is_refused_and_nobody_is_asked(sns: Sns, told: Message | bytes) -> None:
    assert sns.refuses(told, "sns_malformed")
    assert sns.web.asked == []


def test_nothing_of_a_message_is_told_to_anybody_but_its_topic(
    sns: Sns, capsys: pytest.CaptureFixture[str]
) -> None:
    told = signed(message(START, "SubscriptionConfirmation", Message="Canary"))
    sns.open(told)
    assert sns.refuses({**told, "Message": "Canary "}, "sns_signature")
    printed = capsys.readouterr().out
    assert re.findall("Canary|" + TOKEN, printed) == []
    assert "sns_signature" in printed


# --- asking ---------------------------------------------------------------------------------------------


@pytest.fixture
def amazon() -> Any:
    with receiver() as made:
        yield made


def test_what_lies_at_an_address_is_read(amazon: Receiver) -> None:
    amazon.reply = lambda _: Reply(200, b"x" * CERTIFICATE_BYTES_MAX)
    assert fetch(f"{amazon.url}/page?a=b") == b"x" * CERTIFICATE_BYTES_MAX
    assert [(each.method, each.path) for each in amazon.received] == [("GET", "/page?a=b")]


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(200, b"x" * (CERTIFICATE_BYTES_MAX + 1)), RejectedError("sns_refused")),
        (Reply(302, headers={"Location": "/elsewhere"}), RejectedError("sns_refused")),
        (Reply(403), RejectedError("sns_refused")),
        (Reply(404), RejectedError("sns_refused")),
        (Reply(429), RetryableError("sns_unavailable")),
        (Reply(503), RetryableError("sns_unavailable")),
    ],
    ids=["too large", "redirected", "forbidden", "not there", "too many", "unavailable"],
)
def test_any_other_answer_is_an_error_and_nobody_else_is_asked(
    amazon: Receiver, reply: Reply, error: Exception
) -> None:
    amazon.reply = lambda _: reply
    with pytest.raises(type(error), match=str(error)):
        fetch(amazon.url)
    assert len(amazon.received) == 1


def test_nobody_there_is_an_outage() -> None:
    with receiver() as gone:
        url = gone.url
    with pytest.raises(RetryableError, match="sns_unavailable"):
        fetch(url)
