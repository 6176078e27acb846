"""A class that is served on a real port, and the browsers of its people."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx2 as httpx
from persons import PASSWORD
from served import Served, announced, served

from limner.studio.classfile import Classfile, classfile
from limner.studio.course import About, Course
from limner.studio.house import House
from limner.studio.people.invitations import Invitations
from limner.studio.people.passwords import digest
from limner.studio.people.person import OPERATOR, Person
from limner.studio.people.roster import Guest
from limner.studio.people.sessions import Sessions
from limner.studio.people.tokens import Scope, Tokens
from limner.studio.register import Role
from limner.studio.rules import Rules
from limner.studio.store import Store

PLAIN = Course(course=About(name="Graphics", address="http://127.0.0.1", models=("mini",)))


@dataclass(frozen=True)
class School:
    """A studio with a course, and whoever came in."""

    here: Served
    course: Course
    store: Store
    people: dict[str, Person] = field(default_factory=dict)

    def link(self, name: str, role: Role = Role.STUDENT) -> str:
        """The path of an invitation."""
        guest = Guest(name.title(), f"{name}@example.org", role)
        (invitation,) = Invitations(self.store.database, self.course).invite(OPERATOR, [guest])
        return f"/join/{invitation.link.rpartition('/')[2]}"

    def join(self, name: str, role: Role = Role.STUDENT) -> httpx.Client:
        """Somebody's browser, who came in by a link."""
        token = self.link(name, role).rpartition("/")[2]
        session = Invitations(self.store.database, self.course).accept(token, PASSWORD)
        self.people[name] = session.person
        return self.browser(session.token)

    def browser(self, token: str = "") -> httpx.Client:
        """One in which somebody is signed in, or nobody; its forms are sealed as a page's are.

        Nothing is encrypted here, and to read the machine's certificates takes longer than a page.
        """
        headers = {"accept": "text/html"}
        if token:
            headers |= {"cookie": f"limner={token}", "x-csrf-token": digest(f"csrf {token}")}
        return httpx.Client(base_url=self.here.url, headers=headers, timeout=30, verify=False)

    def program(self, name: str) -> httpx.Client:
        """A program of somebody's, with a token."""
        token = Tokens(self.store.database).make(self.people[name], f"for {len(self.people)}", [Scope.DRAW])
        return httpx.Client(
            base_url=self.here.url, headers={"authorization": f"Bearer {token}"}, timeout=30, verify=False
        )

    def sessions(self) -> Sessions:
        return Sessions(self.store.database)


@contextmanager
def school(folder: Path, course: Course | Classfile = PLAIN) -> Iterator[School]:
    """Nobody draws here; a model called mini is announced."""
    house = House(f"sqlite:///{folder / 'studio.db'}", folder / "pictures", Rules(pulse=0.02, patience=1.0))
    announced(house)
    with served(house, course=course) as here:
        store = house.store()
        yield School(here, classfile(course).course, store)
        store.database.close()


def under(**changes: object) -> Course:
    """The plain course, but for this."""
    return replace(PLAIN, **changes)
