"""A password becomes a session that is one browser's; guessing gets slower; who is out is out."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from argon2 import PasswordHasher
from persons import COURSE, PASSWORD, invited, joined, session, token
from sqlalchemy import select, text, update
from studios import Studio

from limner.errors import LimnerError
from limner.studio.people import log, passwords
from limner.studio.people.invitations import Invitations
from limner.studio.people.person import OPERATOR, everybody, find, promote, readmit, sign_out, suspend
from limner.studio.people.sessions import LIFE, Session, Sessions
from limner.studio.people.tokens import Scope, Tokens
from limner.studio.register import PEOPLE, SESSIONS, Role, Standing

OTHER = "another that I remember"


def sign_in(
    studio: Studio, who: str = "ada", password: str = PASSWORD, client: str = "10.0.0.1", former: str = ""
) -> Session:
    return Sessions(studio.database).sign_in(f"{who}@example.org", password, client, former)


def test_a_password_signs_in_and_a_session_tells_who(studio: Studio) -> None:
    person = joined(studio, "ada")
    signed = Sessions(studio.database).sign_in(" Ada@Example.org ", PASSWORD, "10.0.0.1")
    known = Sessions(studio.database).who(signed.token)
    assert known == signed
    assert (known.person, known.person.role, known.person.name) == (person, Role.STUDENT, "Ada")
    for nothing in ("", "x", signed.token[:-1], "\ud800"):
        assert Sessions(studio.database).who(nothing) is None


def test_each_session_is_another_and_the_browser_s_former_one_is_over(studio: Studio) -> None:
    first, elsewhere = session(studio, "ada"), sign_in(studio)
    again = sign_in(studio, former=first.token)
    sessions = Sessions(studio.database)
    assert len({first.token, elsewhere.token, again.token}) == 3
    assert sessions.who(first.token) is None
    assert sessions.who(elsewhere.token) == elsewhere


def test_a_session_ends_by_itself_or_by_hand(studio: Studio) -> None:
    sessions, first = Sessions(studio.database), session(studio, "ada")
    second, third = sign_in(studio), sign_in(studio)
    sessions.sign_out(second.token)
    assert [sessions.who(each.token) is None for each in (first, second, third)] == [False, True, False]
    with pytest.raises(LimnerError, match="only an instructor"):
        sign_out(studio.database, joined(studio, "bob"), first.person.id)
    sign_out(studio.database, first.person, first.person.id)
    assert sessions.who(first.token) is sessions.who(third.token) is None
    last = sign_in(studio)
    studio.time.passes(LIFE - 1)
    assert sessions.who(last.token) == last
    studio.time.passes(1)
    assert sessions.who(last.token) is None


def test_nothing_that_lets_anybody_in_is_stored(studio: Studio) -> None:
    invitation = invited(studio, "ada")
    began = Invitations(studio.database, COURSE).accept(token(invitation), PASSWORD)
    drawn = Tokens(studio.database).make(began.person, "mine", [Scope.DRAW])
    tables = ("people", "sessions", "invitations", "tokens", "tries", "log")
    rows = [
        row
        for table in tables
        for row in studio.database.read(lambda c, table=table: c.execute(text(f"SELECT * FROM {table}")).all())
    ]
    stored = repr(rows)
    assert "argon2id" in stored
    for secret in (PASSWORD, began.token, began.csrf, token(invitation), drawn):
        assert secret not in stored
    assert all(secret not in repr([began, invitation]) for secret in (began.token, token(invitation), "Ada", "ada@"))


def test_a_form_has_to_come_from_its_own_session(studio: Studio) -> None:
    mine, other = session(studio, "ada"), session(studio, "bob")
    assert mine.meant(mine.csrf)
    for wrong in (other.csrf, "", mine.token, "\ud800", mine.csrf.upper()):
        assert not mine.meant(wrong)
    assert not sign_in(studio).meant(mine.csrf)


def test_a_wrong_password_says_no_more_than_a_wrong_name(studio: Studio) -> None:
    joined(studio, "ada")
    invited(studio, "bob")
    said = set()
    for name, password in (("ada", OTHER), ("nobody", PASSWORD), ("bob", PASSWORD), ("a\0", PASSWORD), ("ada", "\0")):
        with pytest.raises(LimnerError) as caught:
            sign_in(studio, name, password)
        said.add(str(caught.value))
    assert said == {"the name or the password is wrong; try again, or ask for a new invitation"}


def test_nobody_s_password_is_compared_too(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """As much is computed for a name that does not exist: hashes verified, and their parameters."""
    joined(studio, "ada")
    verified = list[str]()

    class Counting:
        def hash(self, password: str) -> str:
            return passwords_hasher.hash(password)

        def verify(self, kept: str, password: str) -> bool:
            verified.append(kept.rpartition("p=")[0])
            return passwords_hasher.verify(kept, password)

    passwords_hasher = passwords.HASHER
    monkeypatch.setattr(passwords, "HASHER", Counting())
    for name in ("ada", "nobody", "\0"):
        with pytest.raises(LimnerError, match="the name or the password"):
            sign_in(studio, name, OTHER)
    assert len(verified) == 3
    assert len(set(verified)) == 1


def test_guessing_gets_slower_until_it_is_forgotten(studio: Studio) -> None:
    joined(studio, "ada")
    for _ in range(5):
        with pytest.raises(LimnerError, match="wrong"):
            sign_in(studio, password=OTHER)
    for wait in (1, 2, 4, 8):
        for _ in range(2):  # a try that is refused is not one
            with pytest.raises(LimnerError, match=f"too many tries; wait {wait} seconds"):
                sign_in(studio)
        studio.time.passes(wait)
        with pytest.raises(LimnerError, match="wrong"):
            sign_in(studio, password=OTHER)
    assert sign_in(studio, client="10.0.0.2").person.name == "Ada"  # from elsewhere she gets in
    with pytest.raises(LimnerError, match="wait 16 seconds"):
        sign_in(studio)
    studio.time.passes(16)
    sign_in(studio)
    for _ in range(5):  # who was right begins anew
        with pytest.raises(LimnerError, match="wrong"):
            sign_in(studio, password=OTHER)
    studio.time.passes(3601)
    with pytest.raises(LimnerError, match="wrong"):
        sign_in(studio, password=OTHER)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_many_addresses_do_not_help_to_guess_a_name_nor_many_names_an_address(studio: Studio) -> None:
    joined(studio, "ada")
    for number in range(30):
        with pytest.raises(LimnerError, match="wrong"):
            sign_in(studio, password=OTHER, client=f"10.0.1.{number}")
    with pytest.raises(LimnerError, match="too many tries"):
        sign_in(studio, password=OTHER, client="10.0.2.1")
    for number in range(100):
        with pytest.raises(LimnerError, match="wrong"):
            sign_in(studio, f"name{number}", OTHER, "10.9.9.9")
    with pytest.raises(LimnerError, match="too many tries"):
        sign_in(studio, "ada", PASSWORD, "10.9.9.9")


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_class_behind_one_address_signs_in(studio: Studio) -> None:
    joined(studio, "ada")
    for _ in range(120):
        sign_in(studio)


def test_guesses_that_come_at_once_are_all_counted(studio: Studio) -> None:
    joined(studio, "ada")
    gate, said = threading.Barrier(12), list[str]()

    def guess(number: int) -> None:
        gate.wait()
        try:
            sign_in(studio, password=f"{OTHER} {number}")
        except LimnerError as fault:
            said.append(fault.what)

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(guess, range(12)))
    assert said.count("the name or the password is wrong") == 5
    assert said.count("too many tries") == 7


def test_a_password_is_hashed_anew_when_the_parameters_changed(studio: Studio) -> None:
    person = joined(studio, "ada")
    weak = PasswordHasher(time_cost=1, memory_cost=16, parallelism=1).hash(PASSWORD)
    studio.database.write(lambda moment: moment.run(update(PEOPLE).values(password=weak)))
    assert passwords.stale(weak)
    sign_in(studio)
    kept = studio.database.read(lambda c: c.scalar(select(PEOPLE.c.password).where(PEOPLE.c.id == person.id)))
    assert not passwords.stale(kept)
    assert passwords.right(kept, PASSWORD)
    assert not passwords.right(kept, OTHER)


def test_passwords_are_hashed_as_slowly_as_owasp_asks(quick: PasswordHasher) -> None:
    assert quick.hash(PASSWORD).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.parametrize("password", ["", "too short", "x" * 201])
def test_a_password_has_a_length_and_nothing_else(password: str) -> None:
    with pytest.raises(LimnerError, match=f"10 to 200 characters, and this has {len(password)}"):
        passwords.hashed(password)


def test_a_password_is_the_same_on_every_keyboard() -> None:
    assert passwords.right(passwords.hashed("Stra\u00dfe \u00e9cole"), "Stra\u00dfe e\u0301cole")
    assert not passwords.right("no hash of anything", PASSWORD)


def test_another_password_ends_all_sessions_and_tokens(studio: Studio) -> None:
    first, second = session(studio, "ada"), sign_in(studio)
    drawn = Tokens(studio.database).make(first.person, "mine", [Scope.DRAW])
    sessions = Sessions(studio.database)
    with pytest.raises(LimnerError, match="that is not your password"):
        sessions.change(first, OTHER, OTHER, "10.0.0.1")
    with pytest.raises(LimnerError, match="10 to 200"):
        sessions.change(first, PASSWORD, "short", "10.0.0.1")
    new = sessions.change(first, PASSWORD, OTHER, "10.0.0.1")
    assert sessions.who(first.token) is sessions.who(second.token) is None
    assert Tokens(studio.database).who(drawn, Scope.DRAW) is None
    assert sessions.who(new.token) == new
    with pytest.raises(LimnerError, match="wrong"):
        sign_in(studio)
    assert sign_in(studio, password=OTHER).person == first.person


def test_who_is_suspended_is_out_until_readmitted(studio: Studio) -> None:
    began, boss = session(studio, "ada"), joined(studio, "eve", Role.INSTRUCTOR)
    drawn = Tokens(studio.database).make(began.person, "mine", [Scope.DRAW])
    suspend(studio.database, boss, "ada@example.org")
    suspend(studio.database, boss, began.person.id)
    assert Sessions(studio.database).who(began.token) is None
    assert Tokens(studio.database).who(drawn, Scope.DRAW) is None
    with pytest.raises(LimnerError, match="suspended; ask your instructor"):
        sign_in(studio)
    with pytest.raises(LimnerError, match="wrong"):
        sign_in(studio, password=OTHER)
    with pytest.raises(LimnerError, match="suspended"):
        Sessions(studio.database).change(began, PASSWORD, OTHER, "10.0.0.1")
    readmit(studio.database, boss, "ada@example.org")
    sign_in(studio)
    deeds = [line.deed for line in log.lines(studio.database, about=began.person.id)]
    assert deeds == ["invited", "came in", "signed in", "token made", "suspended", "readmitted", "signed in"]


def test_roles_are_an_instructor_s_to_give(studio: Studio) -> None:
    ada, boss = joined(studio, "ada"), joined(studio, "eve", Role.INSTRUCTOR)
    for call in (promote, suspend, readmit):
        rest = (Role.INSTRUCTOR,) if call is promote else ()
        with pytest.raises(LimnerError, match="only an instructor may do that"):
            call(studio.database, ada, ada.id, *rest)
        with pytest.raises(LimnerError, match="there is no 'nobody' in this course"):
            call(studio.database, boss, "nobody", *rest)
    promote(studio.database, boss, ada.id, Role.ASSISTANT)
    assert find(studio.database, "Ada@example.org").role == Role.ASSISTANT
    assert [each.name for each in everybody(studio.database)] == ["Eve", "Ada"]
    for call, rest in ((promote, (Role.STUDENT,)), (suspend, ())):
        with pytest.raises(LimnerError, match="left without an instructor"):
            call(studio.database, OPERATOR, boss.id, *rest)
    promote(studio.database, boss, ada.id, Role.INSTRUCTOR)
    suspend(studio.database, find(studio.database, ada.id), boss.id)
    assert find(studio.database, boss.id).standing == Standing.SUSPENDED


def test_a_call_whose_answer_was_lost_is_made_again(studio: Studio) -> None:
    """`Database.write` does it once more: one session, one line in the log."""
    joined(studio, "ada")
    twice = Studio(studio.url, studio.time, Twice(studio.database))
    signed = sign_in(twice)
    invitation = invited(twice, "bob")
    began = Invitations(twice.database, COURSE).accept(token(invitation), PASSWORD)
    sessions = studio.database.read(lambda c: c.execute(select(SESSIONS.c.hash)).all())
    assert len(sessions) == 3
    assert Sessions(studio.database).who(signed.token) == signed
    Tokens(twice.database).make(began.person, "mine", [Scope.DRAW])
    deeds = [line.deed for line in log.lines(studio.database, about=began.person.id)]
    assert deeds == ["invited", "came in", "signed in", "token made"]


class Twice:
    """A database whose every first answer gets lost."""

    def __init__(self, database: object) -> None:
        self.database = database
        self.clock, self.read = database.clock, database.read

    def write(self, act: object) -> object:
        self.database.write(act)
        return self.database.write(act)
