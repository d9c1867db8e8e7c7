"""Every practitioner connects a Google account, by the pages that people see."""

from __future__ import annotations

from sandbox.demo.browser import Browser, Page
from sandbox.demo.errors import DemoError
from sandbox.demo.setting import Person, Setting
from sandbox.ehr.return_page import PATH as RETURN_PAGE


def connect(setting: Setting) -> None:
    """Sign in at the EHR, consent at Google, come back, finish, choose the labels. Raises DemoError."""
    for person in setting.people:
        setting.interrupts.check()
        said = consent(setting.deployment.at.ehr, person)
        if person.account.email not in said.text:
            raise DemoError(f"{person.name} could not connect: {said.text}")
        person.front_end.change(client_label=person.label.value, full_name_acknowledged=True)
        person.settings = person.front_end.state()["settings"]
        setting.console.say(
            f"  {person.name}, {person.zone.key}: {person.account.email}, labels: {person.label.value}"
        )


def consent(ehr: str, person: Person) -> Page:
    """By the pages of the EHR at that URL and of Google: the page that the person sees at the end."""
    browser = Browser()
    browser.submit(browser.open(f"{ehr}{RETURN_PAGE}"), practitioner=person.practitioner.id)
    asked = browser.open(person.front_end.connect(person.account.email))
    returned = browser.submit(asked, account=person.account.sub, decision="allow")
    return browser.submit(returned)  # "Finish connecting"
