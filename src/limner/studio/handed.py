"""What the studio remembers of hand-ins: whose, every mark, who lifted the blindness, what was asked again, votes.

A hand-in's own name is drawn by lot: who marks knows it by that, and a person stands in HANDINS alone.
"""

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from limner.studio.register import HASH, PSEUDONYM
from limner.studio.schema import NAME, TABLES


def _of(key: str = "") -> Column[str]:
    """A hand-in's; part of the table's own key where that is said."""
    return Column(
        "handin", PSEUDONYM, ForeignKey("handins.id", ondelete="CASCADE"), primary_key=bool(key), nullable=False
    )


HANDINS = Table(
    "handins",
    TABLES,
    Column("id", PSEUDONYM, primary_key=True),
    Column("person", PSEUDONYM, ForeignKey("people.id"), nullable=False),
    Column("assignment", NAME, nullable=False),
    Column("file", HASH, nullable=False),  # its sha256
    Column("size", Integer, nullable=False),  # bytes
    Column("name", NAME, nullable=False),  # as it was sent, for its owner's eyes
    Column("at", Float, nullable=False),
    Column("verdict", String(32), nullable=False),
    Column("errors", Integer, nullable=False),
    Column("warnings", Integer, nullable=False),
    Column("pictures", Integer, nullable=False),
    Column("released", Float),  # when its owner could read the marks
    UniqueConstraint("person", "assignment", name="handed_in_once"),
)

MARKS = Table(  # lines are only ever added; the last one of a criterion stands
    "marks",
    TABLES,
    Column("number", Integer, primary_key=True, autoincrement=False),
    _of(),
    Column("criterion", NAME, nullable=False),
    Column("points", String(16)),  # decimal; none, where it was taken back, or there is only a comment
    Column("comment", Text, nullable=False),
    Column("marker", PSEUDONYM, nullable=False),
    Column("at", Float, nullable=False),
    Column("seen", HASH, nullable=False),  # the file that was marked
    Index("marks_of", "handin"),
)

LIFTED = Table(  # who may know whose a hand-in is
    "lifted",
    TABLES,
    _of("key"),
    Column("person", PSEUDONYM, primary_key=True),
    Column("at", Float, nullable=False),
)

REMARKS = Table(  # what a student asks to have looked at again
    "remarks",
    TABLES,
    Column("id", String(16), primary_key=True),
    _of(),
    Column("text", Text, nullable=False),
    Column("at", Float, nullable=False),
    Column("answer", Text, nullable=False),
    Column("answered", Float),
    Column("by", PSEUDONYM),
    Index("remarks_of", "handin"),
)

VOTES = Table(  # for pictures, by their number in a hand-in
    "votes",
    TABLES,
    _of("key"),
    Column("picture", Integer, primary_key=True, autoincrement=False),
    Column("person", PSEUDONYM, primary_key=True),
    Column("at", Float, nullable=False),
)

EVERYTHING = TABLES  # these among them
