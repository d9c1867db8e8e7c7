"""What practitioners do with their connection: pause, settings, calendars, disconnect, and back."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from shared.app.choosing import choose, leave
from shared.app.connect import complete
from shared.app.connections import change_settings, pause, resume, start
from shared.app.disconnect import disconnect
from shared.app.jobs import CalendarTask
from shared.app.records import Connection, Status
from shared.app.world import World
from shared.core.blocking import BlockRules
from shared.core.errors import BlockedError, RejectedError, RetryableError
from shared.core.policy import ConnectionSettings, ExternalTitles, FreeEvents, LabelMode, Mode
from shared.ports import Queue
from tests.fakes.clock import FakeClock
from tests.simulation.chaos import Crash
from tests.simulation.people import PRACTICE, Practitioner
from tests.simulation.stage import Stage

TRIES = 20
"""Of whoever wants to get somewhere in calm weather."""


class Lives:
    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.rng = stage.rng

    def act(self) -> None:
        """One step by one of them; one that does not get through is tried again some day, or not."""
        person = self.rng.choice(self.stage.people)
        connection = self.stage.connection(person)
        assert connection is not None
        self._try(person, self.rng.choice(self._choices(connection)))

    def _choices(self, connection: Connection) -> list[Callable[[Practitioner], None]]:
        match connection.status:
            case Status.ACTIVE:
                return [
                    self.pause, self.pause, self.disconnect, self.disconnect, self.withdraw, self.relabel,
                    self.relabel, self.relabel, self.change_mode, self.consent, *self._about_externals,
                ]  # fmt: skip
            case Status.PAUSED:
                return [self.resume, self.resume, self.relabel, self.disconnect, *self._about_externals]
            case Status.STOPPING:
                return [self.pause, self.disconnect]
            case Status.RECONNECT_NEEDED:
                return [self.consent, self.consent, self.disconnect]
            case Status.DISCONNECTED:
                return [self.consent]
            case _:
                return [self.begin]

    def about_externals(self) -> None:
        person = self.rng.choice(self.stage.people)
        self._try(person, self.rng.choice([self.choose, self.choose, self.leave]))

    @property
    def _about_externals(self) -> list[Callable[[Practitioner], None]]:
        shows = [self.show_titles, self.show_free]
        return [self.choose, self.choose, self.leave, *shows] if self.stage.wide else []

    def _try(self, person: Practitioner, step: Callable[[Practitioner], None]) -> None:
        self.stage.story.append(f"{step.__name__} {self.stage.people.index(person)}")
        self.stage.chaos.crashed = False
        try:
            step(person)
        except (RetryableError, RejectedError, BlockedError, Crash):
            self.stage.story.append("in vain")
        self.stage.blocks.note()

    # --- steps ------------------------------------------------------------------------------------------

    def pause(self, person: Practitioner) -> None:
        self._stop(person, lambda: pause(self._impatient, person.key))

    def disconnect(self, person: Practitioner) -> None:
        stage, world = self.stage, self._impatient
        self._stop(
            person,
            lambda: disconnect(stage.connecting, world, practice=PRACTICE, practitioner=person.id),
        )

    def _stop(self, person: Practitioner, stop: Callable[[], Connection]) -> None:
        calendars, stage = self.stage.calendars(person), self.stage
        stop()
        stage.watch.still.add(person.id)
        left = [calendar for calendar in calendars if calendar.lease is not None]
        if any(not calendar.is_leased(stage.clock.now()) for calendar in left):
            stage.watch.overslept |= stage.in_interlude  # the very job that is interrupted, maybe

    @property
    def _impatient(self) -> World:
        return replace(self.stage.world, clock=_Impatient(self.stage.clock))

    def resume(self, person: Practitioner) -> None:
        self.stage.watch.still.discard(person.id)
        resume(self.stage.world, person.key)
        self._ask(person)

    def begin(self, person: Practitioner) -> None:
        self.stage.watch.still.discard(person.id)
        start(self.stage.world, person.key, "Appointments")
        self._ask(person)

    def consent(self, person: Practitioner) -> None:
        code = self.stage.consents.code(PRACTICE, person.id, person.sub)
        connection = self.stage.connection(person)
        if connection is not None and connection.status is Status.RECONNECT_NEEDED:
            self.stage.watch.still.discard(person.id)
        connecting, world = self.stage.connecting, self.stage.world
        complete(connecting, world, practice=PRACTICE, practitioner=person.id, code=code)
        self._ask(person)

    def withdraw(self, person: Practitioner) -> None:
        """In the settings of the account, where we are told nothing."""
        connection = self.stage.connection(person)
        token = self.stage.consents.token(self.stage.documents, connection) if connection else None
        if token is not None:
            self.stage.consent.end(token)

    def relabel(self, person: Practitioner) -> None:
        self._change(person, replace(person.settings, client_label=self.rng.choice(list(LabelMode))))

    def change_mode(self, person: Practitioner) -> None:
        mode = self.rng.choice([Mode.TWO_WAY, Mode.TWO_WAY, Mode.OFF, Mode.ONE_WAY])
        if mode is Mode.ONE_WAY:
            self.stage.one_way = True
            self.stage.blocks.lets_all_go(person)
        self._change(person, replace(person.settings, mode=mode))

    def show_titles(self, person: Practitioner) -> None:
        shown = self.rng.choice(list(ExternalTitles))
        self._change(person, replace(person.settings, external_titles=shown))

    def show_free(self, person: Practitioner) -> None:
        self._change(person, replace(person.settings, free_events=self.rng.choice(list(FreeEvents))))

    # --- external calendars -----------------------------------------------------------------------------

    def choose(self, person: Practitioner) -> None:
        """Once more maybe, by other rules."""
        calendars = self.stage.externals.seen_by(person)
        if calendars:
            self._choose(person, self.rng.choice(sorted(calendars)), self.stage.externals.rules())

    def _choose(self, person: Practitioner, calendar_id: str, rules: BlockRules) -> None:
        self.stage.externals.wishes[person.id, calendar_id] = rules
        self.stage.blocks.note(calendar_id)
        chosen = choose(self.stage.world, person.key, calendar_id, rules)
        self._ask(person, chosen.key)

    def leave(self, person: Practitioner) -> None:
        wanted = sorted(self.stage.externals.wanted(person))
        if wanted:
            self._leave(person, self.rng.choice(wanted))

    def _leave(self, person: Practitioner, calendar_id: str) -> None:
        self.stage.blocks.lets_go(person, calendar_id)
        self.stage.externals.wishes[person.id, calendar_id] = None
        left = leave(self.stage.world, person.key, calendar_id)
        self._ask(person, left.key)

    def _change(self, person: Practitioner, settings: ConnectionSettings) -> None:
        changed = change_settings(self.stage.world, person.key, settings)
        person.settings = changed.settings
        self._ask(person)

    def _ask(self, person: Practitioner, *keys: str) -> None:
        """Whoever raises an epoch asks for the pass under it; now and then the task is lost."""
        for key in keys or [person.calendar_key]:
            if self.rng.random() < 0.8:
                self.stage.ask(CalendarTask(key, look=False, queue=Queue.BULK))

    # --- in calm weather --------------------------------------------------------------------------------

    def connect(self) -> None:
        """Everybody connects; nobody is disturbed, setting up is not what is simulated here."""
        calm, self.stage.chaos.calm = self.stage.chaos.calm, True
        self.stage.chaos.crashed = False
        for person in self.stage.people:
            self.consent(person)
            change_settings(self.stage.world, person.key, person.settings)
            self.begin(person)
            self._choose_some(person)
        self.stage.chaos.calm = calm

    def _choose_some(self, person: Practitioner) -> None:
        """What they had before, or a calendar or two."""
        externals = self.stage.externals
        before = {calendar_id for whose, calendar_id in externals.wishes if whose == person.id}
        seen = sorted(externals.seen_by(person))
        for calendar_id in sorted(before) or self.rng.sample(seen, k=min(2, len(seen))):
            self._choose(person, calendar_id, externals.rules())

    def settle_wishes(self) -> None:
        """Whatever came of the tries: once more, and it is as they want it."""
        self.stage.chaos.crashed = False
        for person in self.stage.people:
            for (whose, calendar_id), rules in self.stage.externals.wishes.items():
                if whose == person.id and rules is None:
                    with contextlib.suppress(RejectedError):  # it never came to be chosen
                        self._leave(person, calendar_id)
                elif whose == person.id and rules is not None:
                    self._choose(person, calendar_id, rules)

    def all_go_on(self) -> None:
        """Whoever has stopped, or was stopped, goes on, both ways."""
        for person in self.stage.people:
            for _ in range(TRIES):
                step = self._towards_going_on(person)
                if step is None:
                    break
                self._try(person, step)
            else:
                raise AssertionError(f"seed {self.stage.seed}: {person.id} does not get going again")

    def _towards_going_on(self, person: Practitioner) -> Callable[[Practitioner], None] | None:
        connection = self.stage.connection(person)
        assert connection is not None
        token = self.stage.consents.token(self.stage.documents, connection)
        match connection.status:
            case Status.STOPPING:
                return self.disconnect if token is None else self.pause
            case Status.CONNECTED:
                return self.begin
            case _ if token is None or not self.stage.consent.is_live(token):
                return self.consent
            case Status.PAUSED:
                return self.resume
            case Status.ACTIVE if connection.settings.mode is not Mode.TWO_WAY:
                return self.both_ways
            case Status.ACTIVE:
                return None
            case _:
                return self.consent

    def both_ways(self, person: Practitioner) -> None:
        self._change(person, replace(person.settings, mode=Mode.TWO_WAY))


class _Impatient(FakeClock):
    """Of somebody who does not wait for a running job, and comes again."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock.now())
        self._real = clock

    def now(self) -> datetime:
        return self._real.now()

    def sleep(self, seconds: float) -> None:
        del seconds
        raise RetryableError("impatient")
