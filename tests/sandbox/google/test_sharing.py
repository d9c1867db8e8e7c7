"""Rules of access: given, lowered, taken back and regained, and what each does to lists and tokens."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.google.calendar import Account
from sandbox.google.rules import RANK
from tests.sandbox.google.world import Json, World, event, refusal

USER = {"type": "user", "value": "berta@example.com"}
RULE = "user:berta@example.com"


def two() -> tuple[World, Account]:
    """A world and somebody who sees nothing of it yet."""
    world = World()
    return world, world.google.add_account("berta@example.com", "UTC", hosted_domain="example.com")


def give(world: World, role: str, scope: Json = USER) -> Json:
    return world.google.acl.insert(world.sub, world.calendar, {"role": role, "scope": scope})


def rules(world: World, **query: Any) -> dict[str, str]:
    listed = world.google.acl.list(world.sub, world.calendar, query)
    return {rule["id"]: rule["role"] for rule in listed["items"]}


def on_list(world: World, other: Account, **query: Any) -> list[Json]:
    entries = world.google.calendar_list.list(other.sub, query)["items"]
    return [entry for entry in entries if entry["id"] == world.calendar]


# --- rules ----------------------------------------------------------------------------------------------


def test_a_new_calendar_is_its_own_and_its_makers() -> None:
    world = World()
    assert rules(world) == {f"user:{world.calendar}": "owner", "user:anna@example.com": "owner"}
    primary = world.google.acl.list(world.sub, "primary")["items"]
    assert [rule["id"] for rule in primary] == ["user:anna@example.com"]


def test_a_rule_lives_its_life() -> None:
    world, _ = two()
    made = give(world, "reader")
    assert (made["id"], made["scope"], made["role"]) == (RULE, USER, "reader")
    acl = world.google.acl
    assert acl.get(world.sub, world.calendar, RULE) == made
    patched = acl.patch(world.sub, world.calendar, RULE, {"role": "writer"}, {}, made["etag"])
    assert (patched["role"], patched["etag"] != made["etag"]) == ("writer", True)
    assert refusal(acl.patch, world.sub, world.calendar, RULE, {}, {}, made["etag"])[0] == 412
    assert acl.patch(world.sub, world.calendar, RULE, {}) == patched
    put = acl.update(world.sub, world.calendar, RULE, {"role": "owner", "scope": USER})
    assert put["role"] == "owner"
    acl.delete(world.sub, world.calendar, RULE)
    for call in (acl.get, acl.delete):
        assert refusal(call, world.sub, world.calendar, RULE)[:2] == (404, "notFound")
    assert RULE not in rules(world)
    assert rules(world, showDeleted=True)[RULE] == "none"


def test_a_rule_given_twice_is_one_rule_with_the_later_role() -> None:
    world, other = two()
    give(world, "writer")
    give(world, "freeBusyReader")
    assert rules(world)[RULE] == "freeBusyReader"
    assert world.google.role(other.sub, world.calendar) == "freeBusyReader"


def test_a_delta_of_the_rules_has_what_changed_and_what_was_taken_back() -> None:
    world, _ = two()
    token = world.google.acl.list(world.sub, world.calendar)["nextSyncToken"]
    assert rules(world, syncToken=token) == {}
    give(world, "reader")
    assert rules(world, syncToken=token) == {RULE: "reader"}
    world.google.acl.delete(world.sub, world.calendar, RULE)
    assert rules(world, syncToken=token) == {RULE: "none"}
    assert refusal(rules, world, syncToken=token, showDeleted=False)[:2] == (400, "badRequest")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ([], "parseError"),
        ({"role": "reader"}, "required"),
        ({"role": "reader", "scope": {"value": "x@example.com"}}, "required"),
        ({"scope": USER}, "required"),
        ({"role": "boss", "scope": USER}, "invalid"),
        ({"role": "reader", "scope": {"type": "family", "value": "x"}}, "invalid"),
        ({"role": "reader", "scope": {"type": "user"}}, "invalidScopeValue"),
        ({"role": "reader", "scope": {"type": "user", "value": "x"}}, "invalidScopeValue"),
        ({"role": "reader", "scope": {"type": "domain", "value": "x@example.com"}}, "invalidScopeValue"),
        ({"role": "writer", "scope": {"type": "default"}}, "illegalAccessRoleForDefault"),
    ],
)
def test_a_wrong_rule_is_refused(body: Any, reason: str) -> None:
    world = World()
    assert refusal(world.google.acl.insert, world.sub, world.calendar, body)[:2] == (400, reason)


def test_nobody_changes_their_own_rule_nor_the_owners() -> None:
    world, other = two()
    give(world, "owner")
    acl, own = world.google.acl, "user:anna@example.com"
    for sub, rule, reason in (
        (world.sub, own, "cannotChangeOwnAcl"),
        (other.sub, RULE, "cannotChangeOwnAcl"),
        (other.sub, own, "cannotChangeOwnerAcl"),
        (other.sub, f"user:{world.calendar}", "cannotChangeOwnerAcl"),
    ):
        assert refusal(acl.patch, sub, world.calendar, rule, {"role": "reader"})[:2] == (403, reason)
        assert refusal(acl.delete, sub, world.calendar, rule)[:2] == (403, reason)
    update = {"role": "reader", "scope": {"type": "user", "value": "other@example.com"}}
    assert refusal(acl.update, world.sub, world.calendar, RULE, update)[:2] == (400, "invalid")


@pytest.mark.parametrize("role", ["freeBusyReader", "reader", "writerWithoutPrivateAccess", "writer"])
def test_rules_are_for_owners(role: str) -> None:
    world, other = two()
    give(world, role)
    for call, args in (
        (world.google.acl.list, ()),
        (world.google.acl.get, (RULE,)),
        (world.google.acl.insert, ({"role": "owner", "scope": USER},)),
        (world.google.acl.delete, (RULE,)),
    ):
        assert refusal(call, other.sub, world.calendar, *args)[:2] == (403, "requiredAccessLevel")


# --- who is given what ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "scope", [USER, {"type": "domain", "value": "Example.com"}, {"type": "default"}], ids=lambda s: s["type"]
)
def test_an_account_sees_what_its_rule_its_domains_or_the_public_one_gives(scope: Json) -> None:
    world, other = two()
    assert world.google.role(other.sub, world.calendar) is None
    rule = give(world, "reader", scope)
    assert world.google.role(other.sub, world.calendar) == "reader"
    world.google.acl.delete(world.sub, world.calendar, rule["id"])
    assert world.google.role(other.sub, world.calendar) is None


def test_the_highest_of_several_rules_counts() -> None:
    world, other = two()
    give(world, "writer")
    give(world, "freeBusyReader", {"type": "default"})
    give(world, "none", {"type": "domain", "value": "example.com"})
    assert world.google.role(other.sub, world.calendar) == "writer"
    world.google.acl.delete(world.sub, world.calendar, RULE)
    assert world.google.role(other.sub, world.calendar) == "freeBusyReader"


def test_a_rule_for_an_address_holds_for_who_gets_it_and_goes_with_the_account() -> None:
    world = World()
    give(world, "reader")
    give(world, "writer", {"type": "group", "value": "team@example.com"})
    late = world.google.add_account("berta@example.com", "UTC")
    assert world.google.role(late.sub, world.calendar) == "reader"
    world.google.change_email(late.sub, "bertha@example.com")
    assert world.google.role(late.sub, world.calendar) == "reader"
    assert "user:bertha@example.com" in rules(world)
    assert RULE not in rules(world)


# --- lists ----------------------------------------------------------------------------------------------


def test_a_rule_alone_puts_the_calendar_on_nobodys_list() -> None:
    world, other = two()
    give(world, "writer")
    assert on_list(world, other) == []
    made = world.google.events.insert(other.sub, world.calendar, event())
    page = world.google.events.list(other.sub, world.calendar)
    assert ([row["id"] for row in page["items"]], page["defaultReminders"]) == ([made["id"]], [])
    entry = world.google.calendar_list.insert(other.sub, {"id": world.calendar, "colorId": "7"})
    assert (entry["accessRole"], entry["colorId"]) == ("writer", "7")
    assert on_list(world, other) == [entry]


def test_rights_lowered_and_raised_show_on_the_list_without_a_row_in_its_delta() -> None:
    world, other = two()
    world.google.share(world.calendar, other.sub, "writer")
    token = world.google.calendar_list.list(other.sub)["nextSyncToken"]
    for role in RANK:
        give(world, role)
        assert on_list(world, other)[0]["accessRole"] == role
    assert world.google.calendar_list.list(other.sub, {"syncToken": token})["items"] == []


def test_rights_lost_take_the_calendar_off_the_list_and_regained_ones_do_not_put_it_back() -> None:
    world, other = two()
    world.google.share(world.calendar, other.sub, "reader")
    world.google.acl.delete(world.sub, world.calendar, RULE)
    assert on_list(world, other, showDeleted=True)[0]["deleted"] is True
    insert = world.google.calendar_list.insert
    assert refusal(insert, other.sub, {"id": world.calendar})[:2] == (404, "notFound")
    give(world, "reader")
    assert on_list(world, other) == []
    assert insert(other.sub, {"id": world.calendar})["accessRole"] == "reader"
    assert len(on_list(world, other)) == 1


def test_what_the_public_may_see_stays_on_the_list_of_who_lost_a_rule() -> None:
    world, other = two()
    world.google.share(world.calendar, other.sub, "writer")
    give(world, "reader", {"type": "default"})
    world.google.share(world.calendar, other.sub, None)
    assert on_list(world, other)[0]["accessRole"] == "reader"


@pytest.mark.parametrize("role", ["reader", "none"])
def test_any_change_of_rights_ends_the_calendars_sync_tokens(role: str) -> None:
    world, _ = two()
    give(world, "writer")
    token = world.token()
    other = world.google.events.list(world.sub, "primary")["nextSyncToken"]
    give(world, role)
    assert refusal(world.page, syncToken=token)[:2] == (410, "fullSyncRequired")
    assert world.google.events.list(world.sub, "primary", {"syncToken": other})["items"] == []


def test_a_rule_that_stays_as_it_is_ends_no_sync_token() -> None:
    world, _ = two()
    give(world, "writer")
    token = world.token()
    give(world, "writer")
    assert world.rows(syncToken=token) == []
