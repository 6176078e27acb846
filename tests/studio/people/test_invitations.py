"""A link lets one person in, once, until a day; the one before is void."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from persons import COURSE, PASSWORD, invited, joined, session, token
from studios import Studio

from limner.errors import LimnerError
from limner.studio.course import Doors
from limner.studio.people import log
from limner.studio.people.invitations import DAY, Invitations
from limner.studio.people.person import OPERATOR, everybody, suspend
from limner.studio.people.roster import Guest
from limner.studio.people.sessions import Sessions
from limner.studio.register import Role, Standing

GUESTS = [Guest("Ada", "ada@example.org", Role.STUDENT), Guest("Eve", "eve@example.org", Role.INSTRUCTOR)]
VOID = "this invitation is not good any more; ask your instructor for a new one"
USED = "this invitation was used already; sign in, or ask your instructor for a new one"
LATE = "this invitation has run out; ask your instructor for a new one"


def test_who_is_invited_comes_in_under_a_password(studio: Studio) -> None:
    ada, eve = Invitations(studio.database, COURSE).invite(OPERATOR, GUESTS)
    assert ada.link.startswith("https://studio.example.org/join/")
    assert [each.standing for each in everybody(studio.database)] == [Standing.INVITED] * 2
    invitations = Invitations(studio.database, COURSE)
    assert invitations.whose(token(eve)) == eve.person
    began = invitations.accept(token(eve), PASSWORD)
    assert Sessions(studio.database).who(began.token).person.may(Role.INSTRUCTOR)
    assert Sessions(studio.database).sign_in("eve@example.org", PASSWORD, "10.0.0.1").person == began.person


def test_a_roster_that_is_read_again_invites_only_those_who_are_new(studio: Studio) -> None:
    invitations = Invitations(studio.database, COURSE)
    first = invitations.invite(OPERATOR, GUESTS[:1])
    assert [each.person.mail for each in invitations.invite(OPERATOR, GUESTS)] == ["eve@example.org"]
    assert invitations.invite(OPERATOR, GUESTS) == []
    assert invitations.whose(token(first[0])).mail == "ada@example.org"  # hers is still good


def test_a_link_is_good_once(studio: Studio) -> None:
    invitation = invited(studio, "ada")
    gate, outcomes = threading.Barrier(4), list[str]()

    def come(number: int) -> None:
        gate.wait()
        try:
            Invitations(studio.database, COURSE).accept(token(invitation), f"{PASSWORD} {number}")
            outcomes.append("in")
        except LimnerError as fault:
            outcomes.append(str(fault))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(come, range(4)))
    assert sorted(outcomes) == ["in", USED, USED, USED]
    with pytest.raises(LimnerError, match=USED):
        Invitations(studio.database, COURSE).whose(token(invitation))


def test_a_bad_password_does_not_use_it_up(studio: Studio) -> None:
    invitation = invited(studio, "ada")
    with pytest.raises(LimnerError, match=r"10 to 200"):
        Invitations(studio.database, COURSE).accept(token(invitation), "short")
    Invitations(studio.database, COURSE).accept(token(invitation), PASSWORD)


def test_a_link_is_good_until_its_day_or_the_closing_date(studio: Studio) -> None:
    closing = replace(COURSE, invitations=Doors(days=14, closes=studio.time.now + 20 * DAY))
    invitations = Invitations(studio.database, closing)
    first = invited(studio, "ada", course=closing)
    assert first.until == studio.time.now + 14 * DAY
    studio.time.passes(14 * DAY)
    with pytest.raises(LimnerError, match=LATE):
        invitations.accept(token(first), PASSWORD)
    again = invitations.again(OPERATOR, "ada@example.org")
    assert again.until == studio.time.now + 6 * DAY
    studio.time.passes(6 * DAY)
    with pytest.raises(LimnerError, match="takes in nobody any more; ask your instructor"):
        invitations.whose(token(again))
    for call in (
        lambda: invitations.again(OPERATOR, "ada@example.org"),
        lambda: invited(studio, "bob", course=closing),
    ):
        with pytest.raises(LimnerError, match=r"takes in nobody any more; change invitations.closes"):
            call()


def test_another_link_voids_the_one_before(studio: Studio) -> None:
    invitations, first = Invitations(studio.database, COURSE), invited(studio, "ada")
    second = invitations.again(OPERATOR, first.person.id)
    with pytest.raises(LimnerError, match=VOID):
        invitations.accept(token(first), PASSWORD)
    assert invitations.accept(token(second), PASSWORD).person.id == first.person.id
    deeds = [line.deed for line in log.lines(studio.database)]
    assert deeds == ["invited", "invited again", "came in", "signed in"]


def test_who_forgot_a_password_gets_a_link_to_a_new_one(studio: Studio) -> None:
    invitations, before = Invitations(studio.database, COURSE), session(studio, "ada")
    link = invitations.again(OPERATOR, "ada@example.org")
    assert Sessions(studio.database).who(before.token) == before  # until it is used, nothing changes
    invitations.accept(token(link), f"{PASSWORD}, or not")
    assert Sessions(studio.database).who(before.token) is None
    with pytest.raises(LimnerError, match=r"wrong"):
        Sessions(studio.database).sign_in("ada@example.org", PASSWORD, "10.0.0.1")


def test_who_is_suspended_has_no_link_and_gets_none(studio: Studio) -> None:
    invitations, invitation = Invitations(studio.database, COURSE), invited(studio, "ada")
    suspend(studio.database, OPERATOR, "ada@example.org")
    with pytest.raises(LimnerError, match=VOID):
        invitations.accept(token(invitation), PASSWORD)
    with pytest.raises(LimnerError, match=r"ada@example.org is suspended; readmit them first"):
        invitations.again(OPERATOR, "ada@example.org")


def test_only_an_instructor_invites(studio: Studio) -> None:
    invitations, helper = Invitations(studio.database, COURSE), joined(studio, "ada", Role.ASSISTANT)
    with pytest.raises(LimnerError, match=r"only an instructor may do that"):
        invitations.invite(helper, GUESTS)
    with pytest.raises(LimnerError, match=r"only an instructor may do that"):
        invitations.again(helper, helper.id)
    for nothing in ("", "x", "\ud800"):
        with pytest.raises(LimnerError, match=VOID):
            invitations.accept(nothing, PASSWORD)
