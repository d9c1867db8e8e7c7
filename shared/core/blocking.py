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


_NEVER_SHOWN = frozenset({EventType.BIRTHDAY, EventType.WORKING_LOCATION})


def effect(event: Event, rules: BlockRules) -> Effect:
    if event.cancelled or event.response is Response.DECLINED or event.type in _NEVER_SHOWN:
        return Effect.NOTHING
    return Effect.TAKES if event.what.busy and _takes(event, rules) else Effect.FREE


def _takes(event: Event, rules: BlockRules) -> bool:
    if event.type is EventType.OUT_OF_OFFICE:
        return rules.out_of_office
    if event.type is EventType.FOCUS_TIME:
        return rules.focus_time
    if event.tentative or event.response is Response.TENTATIVE:
        return rules.tentative
    if event.response is Response.UNANSWERED:
        return rules.unanswered
    return rules.all_day or event.when is None or not event.when.all_day


def block_what(event: Event, *, titles: bool, busy: bool) -> What:
    """What the EHR shows: the title where the practitioner wants it and its owner did not say private."""
    shown = canonical(event.what.summary) if titles and not event.what.private else ""
    return What(summary=shown or BUSY, busy=busy)
