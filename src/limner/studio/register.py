"""What the studio remembers of people: who they are, how they prove it, what they may, and what was done about it.

No secret stands here, only hashes of secrets; and outside of PEOPLE nobody has a name, but a pseudonym drawn by lot.
"""

from enum import StrEnum

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from limner.studio.schema import NAME, TABLES


class Role(StrEnum):
    """What somebody is to the course; a later one may whatever an earlier one may."""

    STUDENT = "student"
    ASSISTANT = "assistant"
    INSTRUCTOR = "instructor"

    def may(self, least: "Role") -> bool:
        """Whether that is at least this.  (As texts, they would be compared by their letters.)"""
        return self.rank >= least.rank

    @property
    def rank(self) -> int:
        return list(Role).index(self)


class Standing(StrEnum):
    """Where an account is in its life."""

    INVITED = "invited"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    GONE = "gone"  # its data were deleted; the pseudonym is never given to another


PSEUDONYM = String(16)
HASH = String(64)  # sha256, in hexadecimal digits


def _one_of(column: str, kind: type[StrEnum]) -> str:
    return f"{column} IN ({', '.join(repr(each.value) for each in kind)})"


PEOPLE = Table(
    "people",
    TABLES,
    Column("id", PSEUDONYM, primary_key=True),  # the owner of their jobs
    Column("name", NAME),
    Column("mail", NAME, unique=True),  # in small letters: one signs in by it
    Column("role", String(16), CheckConstraint(_one_of("role", Role), name="known_role"), nullable=False),
    Column("standing", String(16), CheckConstraint(_one_of("standing", Standing), name="known_standing")),
    Column("password", Text),  # argon2's own text
    Column("made", Float, nullable=False),
    CheckConstraint("(standing = 'gone') = (mail IS NULL)", name="gone_is_nameless"),
    CheckConstraint("(mail IS NULL) = (name IS NULL)", name="name_and_mail"),
    CheckConstraint("standing <> 'active' OR password IS NOT NULL", name="active_has_a_password"),
    CheckConstraint("standing <> 'gone' OR password IS NULL", name="gone_has_none"),
)

SESSIONS = Table(
    "sessions",
    TABLES,
    Column("hash", HASH, primary_key=True),
    Column("person", PSEUDONYM, ForeignKey("people.id"), nullable=False),
    Column("made", Float, nullable=False),
    Column("until", Float, nullable=False),
    Index("sessions_of", "person"),
)

TOKENS = Table(
    "tokens",
    TABLES,
    Column("hash", HASH, primary_key=True),
    Column("person", PSEUDONYM, ForeignKey("people.id"), nullable=False),
    Column("name", NAME, nullable=False),
    Column("scopes", String(100), nullable=False),  # divided by spaces
    Column("made", Float, nullable=False),
    UniqueConstraint("person", "name", name="named_once"),
)

INVITATIONS = Table(
    "invitations",
    TABLES,
    Column("hash", HASH, primary_key=True),
    Column("person", PSEUDONYM, ForeignKey("people.id"), nullable=False, unique=True),  # the last one stands
    Column("made", Float, nullable=False),
    Column("until", Float, nullable=False),
    Column("used_by", HASH),  # the session that it began
)

TRIES = Table(
    "tries",
    TABLES,
    Column("key", HASH, primary_key=True),  # of a name, an address or both: what was typed may be a password
    Column("tries", Integer, nullable=False),
    Column("at", Float, nullable=False),
    Index("tries_at", "at"),
)

LOG = Table(
    "log",
    TABLES,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Float, nullable=False),
    Column("actor", NAME, nullable=False),
    Column("deed", String(64), nullable=False),
    Column("subject", NAME, nullable=False),
    Column("detail", Text, nullable=False),  # JSON
    Column("hash", HASH, nullable=False),  # of this line and the hash before it
)

LOG_END = Table(  # one row: without it, nobody would miss the last lines
    "log_end",
    TABLES,
    Column("id", Integer, CheckConstraint("id = 1", name="one_end"), primary_key=True, autoincrement=False),
    Column("number", Integer, nullable=False),
    Column("hash", HASH, nullable=False),
)

SHARED = Table(
    "shared",
    TABLES,
    Column("job", String(16), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("at", Float, nullable=False),
)

REPORTS = Table(
    "reports",
    TABLES,
    Column("id", String(16), primary_key=True),
    Column("job", String(16), ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("reporter", PSEUDONYM, ForeignKey("people.id")),  # nobody, when they have gone
    Column("why", Text, nullable=False),
    Column("at", Float, nullable=False),
    Column("decided", String(16)),  # dismissed, or taken down
    UniqueConstraint("job", "reporter", name="reported_once"),
)

TAKEN = Table(  # a picture that is taken down is so for all who have the same
    "taken",
    TABLES,
    Column("picture", HASH, primary_key=True),
    Column("why", Text, nullable=False),
    Column("at", Float, nullable=False),
)

GRANTS = Table(  # what somebody may have of a budget beside what the class file says
    "grants",
    TABLES,
    Column("id", String(16), primary_key=True),
    Column("person", PSEUDONYM, ForeignKey("people.id"), nullable=False),
    Column("assignment", NAME, nullable=False),
    Column("unit", String(16), nullable=False),
    Column("amount", Integer, nullable=False),
    Column("made", Float, nullable=False),
    Index("grants_of", "person", "assignment"),
)

ACCEPTED = Table(  # the terms of models' licences, by whoever draws with them
    "accepted",
    TABLES,
    Column("person", PSEUDONYM, ForeignKey("people.id"), primary_key=True),
    Column("terms", HASH, primary_key=True),  # of the text that was shown
    Column("licence", NAME, nullable=False),
    Column("made", Float, nullable=False),
)

FILTER = Table(  # one row: whether pictures pass the class's filter before anybody sees them
    "filter",
    TABLES,
    Column("id", Integer, CheckConstraint("id = 1", name="one_filter"), primary_key=True, autoincrement=False),
    Column("watches", Boolean, nullable=False),
    Column("looks", Boolean, nullable=False),  # whether unfinished pictures, which pass none, are shown all the same
)

WITHHELD = Table(  # jobs whose picture the filter let nobody see: it was not kept
    "withheld",
    TABLES,
    Column("job", String(16), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("recipe", HASH, nullable=False),  # of the recipe, which says every pixel
    Column("score", Float, nullable=False),  # what the classifier said, from 0 to 1
    Column("at", Float, nullable=False),
    Column("why", Text, nullable=False),  # why its owner wants it all the same; empty: they have not asked
    Column("asked", Float),  # when
    Column("decided", String(16)),  # let through, or not
    CheckConstraint("(why = '') = (asked IS NULL)", name="asked_says_why"),
    CheckConstraint("decided IN ('let through', 'refused')", name="known_decision"),
    Index("withheld_recipes", "recipe"),
)

KEPT = Table(  # how long the course keeps what it has, as it was said, and when
    "kept",
    TABLES,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Float, nullable=False),
    Column("days", Integer, nullable=False),
)

EVERYTHING = TABLES  # these among them
