"""What an event in an external calendar does to the practitioner's time. One table, for every path.

    first that fits                                   takes the time
    deleted, declined, a birthday, a working place    no, and is not shown
    Free by its owner's own word                      no
    out of office, focus time                         by rule
    tentative, or answered so                         by rule
    not answered                                      by rule
    all day                                           by rule
    any other, of a type nobody knows too             yes

What does not take the time is shown as Free where the practitioner wants to see it, else not at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from shared.core.model import Event, EventType, Response, What
from shared.core.text import BUSY, canonical


@dataclass(frozen=True)
class BlockRules:
    """Of one external calendar: whether these take the time."""

    all_day: bool = True
    tentative: bool = True
    unanswered: bool = True
    focus_time: bool = True
    out_of_office: bool = True


class Effect(Enum):
    TAKES = "takes"
    FREE = "free"
    NOTHING = "nothing"
    """Not shown whatever the settings."""


class Rule(Enum):
    """The line of the table that decided."""

    DELETED = "deleted"
    DECLINED = "declined"
    BIRTHDAY = "birthday"
    WORKING_PLACE = "working_place"
    FREE = "free"
    OUT_OF_OFFICE = "out_of_office"
    FOCUS_TIME = "focus_time"
    TENTATIVE = "tentative"
    UNANSWERED = "unanswered"
    ALL_DAY = "all_day"
    ANY_OTHER = "any_other"


_NEVER_SHOWN = frozenset({Rule.DELETED, Rule.DECLINED, Rule.BIRTHDAY, Rule.WORKING_PLACE})


def effect(event: Event, rules: BlockRules) -> Effect:
    rule = rule_of(event)
    if rule in _NEVER_SHOWN:
        return Effect.NOTHING
    takes = {
        Rule.FREE: False,
        Rule.OUT_OF_OFFICE: rules.out_of_office,
        Rule.FOCUS_TIME: rules.focus_time,
        Rule.TENTATIVE: rules.tentative,
        Rule.UNANSWERED: rules.unanswered,
        Rule.ALL_DAY: rules.all_day,
    }
    return Effect.TAKES if takes.get(rule, True) else Effect.FREE


def rule_of(event: Event) -> Rule:
    """The first that fits."""
    fits = {
        Rule.DELETED: event.cancelled,
        Rule.DECLINED: event.response is Response.DECLINED,
        Rule.BIRTHDAY: event.type is EventType.BIRTHDAY,
        Rule.WORKING_PLACE: event.type is EventType.WORKING_LOCATION,
        Rule.FREE: not event.what.busy,
        Rule.OUT_OF_OFFICE: event.type is EventType.OUT_OF_OFFICE,
        Rule.FOCUS_TIME: event.type is EventType.FOCUS_TIME,
        Rule.TENTATIVE: event.tentative or event.response is Response.TENTATIVE,
        Rule.UNANSWERED: event.response is Response.UNANSWERED,
        Rule.ALL_DAY: event.when is not None and event.when.all_day,
    }
    return next((rule for rule, holds in fits.items() if holds), Rule.ANY_OTHER)


def block_what(event: Event, *, titles: bool, busy: bool) -> What:
    """What the EHR shows: the title where the practitioner wants it and its owner did not say private."""
    shown = canonical(event.what.summary) if titles and not event.what.private else ""
    return What(summary=shown or BUSY, busy=busy)
