"""People of a course who have come in, and the course."""

from studios import Studio

from limner.studio.course import About, Course
from limner.studio.people.invitations import Invitation, Invitations
from limner.studio.people.person import OPERATOR, Person
from limner.studio.people.roster import Guest
from limner.studio.people.sessions import Session
from limner.studio.register import Role

COURSE = Course(course=About(name="Graphics & <Pictures>", address="https://studio.example.org"))
PASSWORD = "a few words that I remember"


def invited(studio: Studio, name: str, role: Role = Role.STUDENT, course: Course = COURSE) -> Invitation:
    guest = Guest(name.title(), f"{name}@example.org", role)
    (invitation,) = Invitations(studio.database, course).invite(OPERATOR, [guest])
    return invitation


def token(invitation: Invitation) -> str:
    return invitation.link.rpartition("/")[2]


def session(studio: Studio, name: str, role: Role = Role.STUDENT) -> Session:
    return Invitations(studio.database, COURSE).accept(token(invited(studio, name, role)), PASSWORD)


def joined(studio: Studio, name: str, role: Role = Role.STUDENT) -> Person:
    return session(studio, name, role).person
