"""What leaves the EHR of a client is the label that was chosen, or less."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

import pytest
import regex  # type: ignore[import-untyped]  # it comes without types
from hypothesis import given
from hypothesis import strategies as st

from shared.core.labels import FALLBACK_LABEL, client_what, default_label, initials, label
from shared.core.model import Appointment, Client, Kind, Status, What
from shared.core.policy import ConnectionSettings, LabelMode
from shared.core.text import canonical

FULL, FIRST, INITIALS, ID = (
    LabelMode.FULL_NAME,
    LabelMode.FIRST_NAME,
    LabelMode.INITIALS,
    LabelMode.INTERNAL_ID,
)
ADA = Client(full_name="Ada Beth Canaryname", internal_id="ID-1", given="Ada", family="Canaryname")
NOBODY = Client()


# --- labels ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "expected"),
    [(FULL, "Ada Beth Canaryname"), (FIRST, "Ada"), (INITIALS, "AC"), (ID, "ID-1")],
)
def test_the_label_is_what_was_chosen(mode: LabelMode, expected: str) -> None:
    assert label([ADA], mode) == expected


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ({"full_name": ""}, "Ada"),
        ({"full_name": " \n "}, "Ada"),
        ({"full_name": "", "given": " "}, "C"),
        ({"full_name": "", "given": "", "family": ""}, "ID-1"),
        ({"full_name": "", "given": "", "family": "…"}, "ID-1"),
        ({"full_name": "", "given": "", "family": "", "internal_id": "  "}, FALLBACK_LABEL),
    ],
)
def test_what_is_missing_falls_to_the_next_less_revealing(missing: dict[str, str], expected: str) -> None:
    assert label([replace(ADA, **missing)], FULL) == expected


@pytest.mark.parametrize("mode", LabelMode)
def test_of_whom_nothing_is_known_the_label_is_client(mode: LabelMode) -> None:
    assert label([NOBODY], mode) == label([], mode) == FALLBACK_LABEL


def test_without_a_number_no_name_stands_in_for_it() -> None:
    assert label([replace(ADA, internal_id="")], ID) == FALLBACK_LABEL


@pytest.mark.parametrize("mode", LabelMode)
def test_a_group_names_nobody(mode: LabelMode) -> None:
    assert label([ADA, ADA], mode) == "Group (2)"
    assert label([ADA, NOBODY, ADA], mode) == "Group (3)"


def test_a_label_has_the_canonical_form() -> None:
    assert label([replace(ADA, full_name=" Ade\u0301\r\nB ")], FULL) == "Adé\nB"


def test_a_practice_without_numbers_begins_with_initials() -> None:
    assert default_label(has_internal_ids=True) is ID
    assert default_label(has_internal_ids=False) is INITIALS


# --- initials -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "family", "expected"),
    [
        ("Erika", "Mustermann", "EM"),
        ("erika", "mustermann", "EM"),
        ("Erika", "", "E"),
        ("", "Mustermann", "M"),
        ("Anne-Marie", "Muster-Beispiel", "AM"),
        ("Anna Maria", "Muster Beispiel", "AM"),
        # particles in small letters are none of the name's own
        ("Jan", "van der Berg", "JB"),
        ("Jan", "Van der Berg", "JV"),
        ("Juan", "de la Cruz", "JC"),
        ("Jan", "'t Hooft", "JH"),
        ("Jan", "d'Example", "JD"),
        ("Jan", "van der", "JV"),
        ("juan", "DE LA CRUZ", "JD"),
        # what is no letter is passed over
        ('"Bob"', "(Muster)", "BM"),
        ("(Bob)", "\N{LEFT DOUBLE QUOTATION MARK}Muster", "BM"),
        ("4Ever", "2nd", "EN"),
        ("\N{GRINNING FACE} Kim", "\N{FAMILY} Muster", "KM"),
        ("\N{GRINNING FACE}", "42", ""),
        ("O.", "-", "O"),
        (" ", "\n", ""),
        # a letter is what a reader takes for one
        ("E\u0301mile", "Z\u030cez\u030cula", "ÉŽ"),
        ("x\u0302\u0323a", "q\u0307b", "X\u0323\u0302Q\u0307"),
        ("\N{DEVANAGARI LETTER KA}\N{DEVANAGARI SIGN VIRAMA}\N{DEVANAGARI LETTER SSA}i", "Muster", None),
        ("\uac01\uc790", "\uae40", "\uac01\uae40"),
        ("\u1100\u1161\u11a8", "\u1100\u1175\u11b7", "\uac01\uae40"),
        # capitals
        ("ßa", "ﬁa", "SF"),
        ("ǆa", "\N{LATIN SMALL LETTER DOTLESS I}a", "ǅI"),
        ("ა", "ბ", "აბ"),
        # from right to left, with its marks, and without capitals
        ("\u200fמשה", "כהן", "מכ"),
        ("\u202bمحمد\u202c", "الأحمد", "ما"),
        ("太郎", "山田", "太山"),
        ("", "", ""),
    ],
)
def test_the_initials_of_given_and_family_name(first: str, family: str, expected: str | None) -> None:
    shown = initials(Client(given=first, family=family))
    if expected is None:  # a conjunct is one letter
        assert len(regex.findall(r"\X", shown)) == 2
    else:
        assert shown == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Erika Mustermann", "EM"),
        ("Erika Maria Mustermann", "EM"),
        ("Erika", "E"),
        ("Mustermann, Erika", "ME"),
        ("'t Hooft", "TH"),
        ("", ""),
        ("...", ""),
    ],
)
def test_the_initials_of_a_name_that_is_one_text(text: str, expected: str) -> None:
    assert initials(Client(full_name=text)) == expected


NAMES = st.one_of(
    st.text(max_size=20),
    st.text(alphabet="aé'ßM 4.-\u0301\u200d\u0628\U0001f469", max_size=12),
    st.sampled_from(["van der Berg", "'t Hooft", "Mustermann", "\N{FAMILY}", "ßß", "ﬁnn"]),
)


def clusters(text: str) -> list[str]:
    """What a reader takes for one letter each."""
    found: list[str] = regex.findall(r"\X", text)
    return found


def starts(text: str) -> set[str]:
    """The first letters of its words."""
    return {initials(Client(given=word)) for word in text.split()} | {""}


@given(NAMES, NAMES)
def test_initials_are_a_first_letter_of_either_name(first: str, family: str) -> None:
    shown = initials(Client(given=first, family=family))
    assert shown in {one + other for one in starts(first) for other in starts(family)}


@given(NAMES, NAMES, NAMES)
def test_less_than_a_first_name_never_shows_a_family_name(first: str, family: str, text: str) -> None:
    client = Client(full_name=text, given=first, family=family)
    assert label([client], ID) == FALLBACK_LABEL
    shown = label([client], INITIALS)
    assert shown == FALLBACK_LABEL or len(clusters(shown)) <= 2
    assert shown == FALLBACK_LABEL or len(clusters(family)) < 3 or family not in shown


@given(NAMES, NAMES, NAMES)
def test_a_first_name_is_shown_without_the_others(first: str, family: str, text: str) -> None:
    shown = label([Client(full_name=text, given=first, family=family)], FIRST)
    assert shown == canonical(first) or len(clusters(shown)) <= 2 or shown == FALLBACK_LABEL


# --- the event of a client appointment ------------------------------------------------------------------

ROW = Appointment(
    id="a1",
    version="1",
    status=Status.LIVE,
    kind=Kind.CLIENT,
    when=None,
    practitioner_ids=frozenset({"p"}),
    title="not shown",
    location=" Room 2 ",
    service=" Follow-up\n 50 minutes ",
    telehealth="https://video.example/host",
    busy=False,
)
PLAIN = ConnectionSettings(date(2026, 3, 1), ZoneInfo("UTC"))
LINK = "Telehealth: https://video.example/host"


def test_the_event_says_label_and_place_only() -> None:
    expected = What("ID-1", description="", location="Room 2", busy=True, private=True, recurring=False)
    assert client_what(ROW, [ADA], PLAIN) == expected


@pytest.mark.parametrize(
    ("service_line", "telehealth_link", "description"),
    [
        (False, False, ""),
        (True, False, "Follow-up 50 minutes"),
        (False, True, LINK),
        (True, True, f"Follow-up 50 minutes\n{LINK}"),
    ],
)
def test_kind_and_link_are_a_line_each_where_they_were_asked_for(
    service_line: bool,  # noqa: FBT001 - a column of the table
    telehealth_link: bool,  # noqa: FBT001 - a column of the table
    description: str,
) -> None:
    settings = replace(PLAIN, service_line=service_line, telehealth_link=telehealth_link)
    assert client_what(ROW, [ADA], settings).description == description


def test_the_link_is_the_place_only_where_there_is_no_other() -> None:
    nowhere = replace(ROW, location=" ")
    asked = replace(PLAIN, telehealth_link=True)
    assert client_what(nowhere, [ADA], asked).location == ROW.telehealth
    assert client_what(nowhere, [ADA], PLAIN).location == ""
    assert client_what(ROW, [ADA], asked).location == "Room 2"


def test_a_group_session_says_where_and_what_but_not_who() -> None:
    settings = replace(PLAIN, client_label=FULL, service_line=True)
    what = client_what(ROW, [ADA, ADA], settings)
    assert (what.summary, what.description, what.location) == ("Group (2)", "Follow-up 50 minutes", "Room 2")
