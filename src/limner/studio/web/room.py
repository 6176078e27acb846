"""What a class has beside a studio: people, and what each may."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from limner.recipe import Recipe, Wish
from limner.studio.classfile import Classfile
from limner.studio.course import Course
from limner.studio.database import Database
from limner.studio.people.appeals import Appeals, Held
from limner.studio.people.classroom import Balance, Classroom
from limner.studio.people.gallery import Gallery, Mark
from limner.studio.people.invitations import Invitations
from limner.studio.people.licences import Licences
from limner.studio.people.sessions import Sessions
from limner.studio.people.tokens import Tokens
from limner.studio.register import Role
from limner.studio.schema import State
from limner.studio.staff import Card
from limner.studio.store import Job, Store
from limner.studio.vault import Vault
from limner.studio.web.enrolled import Cookie, Enrolled
from limner.studio.web.limits import Limits
from limner.studio.web.user import User


@dataclass(frozen=True, slots=True)
class Desk:
    """What stands beside the form: budgets, whether one must be chosen, what to read before, and why not now."""

    balances: list[Balance]
    bound: bool
    unread: list[Card]
    closed: str


@dataclass(frozen=True, slots=True)
class Room:
    """One course's.  Whatever it hands out is a view of the same database."""

    file: Classfile
    store: Store
    vault: Vault
    limits: Limits

    @property
    def course(self) -> Course:
        return self.file.course

    @property
    def database(self) -> Database:
        return self.store.database

    @property
    def classroom(self) -> Classroom:
        return Classroom(self.store, self.course)

    @property
    def gallery(self) -> Gallery:
        return Gallery(self.database, self.vault)

    @property
    def appeals(self) -> Appeals:
        return Appeals(self.database)

    @property
    def invitations(self) -> Invitations:
        return Invitations(self.database, self.course)

    @property
    def licences(self) -> Licences:
        return Licences(self.database)

    @property
    def sessions(self) -> Sessions:
        return Sessions(self.database)

    @property
    def tokens(self) -> Tokens:
        return Tokens(self.database)

    @property
    def cookie(self) -> Cookie:
        return Cookie(self.course.course.address.startswith("https://"))

    @property
    def who(self) -> Enrolled:
        return Enrolled(self.sessions, self.tokens, self.cookie)

    @property
    def host(self) -> str:
        """The name by which the class calls the studio."""
        return urlsplit(self.course.course.address).hostname or ""

    def submit(self, user: User, card: Card, wish: Wish, count: int, key: str, assignment: str) -> tuple[str, ...]:
        """In a person's name, as often and as much as they may; LimnerError says what they may not."""
        self.limits.submit(user)
        self.licences.require(user.member, card)
        return self.classroom.submit(user.member, key, card.recipe(wish), count, assignment)

    def order(
        self, user: User, cards: Sequence[Card], recipes: Sequence[Recipe], key: str, assignment: str
    ) -> tuple[str, ...]:
        """The same for pictures of some models that differ in more than their seeds."""
        self.limits.submit(user)
        for card in cards:
            self.licences.require(user.member, card)
        return self.classroom.order(user.member, key, recipes, assignment)

    def explain(self, user: User, job: str) -> str:
        """The job that says what the words of a picture of theirs looked at, on the terms of that picture."""
        self.limits.submit(user)
        return self.classroom.explain(user.member, job)

    def desk(self, user: User, cards: list[Card]) -> Desk:
        """What is said beside the form."""
        who = user.member
        accepted = self.licences.accepted(who)
        unread = [card for card in cards if card.terms and card.digest not in accepted]
        return Desk(self.classroom.balances(who), who.role == Role.STUDENT, unread, self.store.closed())

    def marks(self, user: User, jobs: list[Job]) -> dict[str, Mark | Held]:
        """What is said beside their own pictures, and beside those that were withheld from them."""
        marks = self.gallery.marks(user.member, [job.id for job in jobs if job.picture])
        return {**marks, **self.appeals.held(user.member, [job.id for job in jobs if job.state == State.FAILED])}
