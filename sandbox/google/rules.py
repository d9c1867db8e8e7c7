"""The access control list of one calendar: who is given which role."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.google.history import History

ROLES = ("freeBusyReader", "reader", "writerWithoutPrivateAccess", "writer", "owner")
RANK = {role: rank for rank, role in enumerate(ROLES)}
NONE = "none"
"""The role of a rule that was taken back: it stays on the list as deleted."""
EVERYBODY = "default"
"""Id of the rule for the public."""


def for_user(email: str) -> str:
    """The id of an account's rule."""
    return f"user:{email.lower()}"


def for_domain(domain: str) -> str:
    return f"domain:{domain.lower()}"


@dataclass(slots=True, eq=False)
class Rule:
    id: str
    """Scope type and value, `user:anna@example.com`; `default` has no value."""
    role: str
    etag: str
    created: int
    changed: int


@dataclass(slots=True, eq=False)
class Rules:
    by_id: dict[str, Rule] = field(default_factory=dict)
    history: History[Rule] = field(default_factory=History)

    @property
    def is_public(self) -> bool:
        return self.role_of("", "") not in (None, "freeBusyReader")

    def role_of(self, email: str, domain: str) -> str | None:
        """The most that the account's own rule, its domain's and the public one give; None: nothing.

        Rules for groups give nothing: there are no groups here.
        """
        ids = (for_user(email), for_domain(domain) if domain else "", EVERYBODY)
        given = [self.by_id[name].role for name in ids if name in self.by_id]
        return max((role for role in given if role != NONE), key=RANK.__getitem__, default=None)

    def put(self, rule_id: str, role: str, etag: str, number: int) -> Rule:
        """A new rule, or a new role in one there is; `number` is the change's."""
        rule = self.by_id.get(rule_id)
        if rule is None:
            self.by_id[rule_id] = rule = Rule(rule_id, role, etag, number, number)
            self.history.add(rule)
        else:
            rule.role, rule.etag = role, etag
            self.history.touch(rule, number)
        return rule

    def rename(self, old_email: str, new_email: str) -> None:
        """The account goes by another address: its rule does too."""
        rule = self.by_id.pop(for_user(old_email), None)
        if rule is not None:
            rule.id = for_user(new_email)
            self.by_id[rule.id] = rule
