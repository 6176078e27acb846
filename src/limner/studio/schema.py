"""What the studio remembers: owners, what each asked for, a row for every picture, and what happened to it.

The laws that a row can keep by itself stand here, so that no path through the code can break them.
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
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

VERSION = 1
NAME = String(200)


class State(StrEnum):
    """Where a job is; the last three are for ever."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Kind(StrEnum):
    """What can happen to a job."""

    QUEUED = "queued"
    LEASED = "leased"
    STEPPED = "stepped"
    RETURNED = "returned"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN = (State.QUEUED, State.RUNNING)
TABLES = MetaData()

STUDIO = Table(  # one row; whoever writes anything holds it
    "studio",
    TABLES,
    Column("id", Integer, CheckConstraint("id = 1", name="one_row"), primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
    Column("events", Integer, nullable=False),  # the number of the last one
    Column("closed", Text, nullable=False),  # why no job is given out; empty: it is open
)

OWNERS = Table(
    "owners",
    TABLES,
    Column("name", NAME, primary_key=True),
    Column("weight", Float, CheckConstraint("weight > 0", name="some_weight"), nullable=False),
    Column("used", Float, nullable=False),  # device-seconds, decayed to `used_at`
    Column("used_at", Float, nullable=False),
)

MODELS = Table(
    "models",
    TABLES,
    Column("identity", String(64), primary_key=True),
    Column("pace", Float, nullable=False),  # device-seconds for a unit of `turns.work`
)

CARDS = Table(  # the models that jobs can be for
    "cards",
    TABLES,
    Column("identity", String(64), primary_key=True),
    Column("name", NAME, nullable=False),
    Column("about", Text, nullable=False),  # JSON
    Column("at", Float, nullable=False),  # when this was last said
)

WORKERS = Table(
    "workers",
    TABLES,
    Column("name", NAME, primary_key=True),
    Column("model", String(64), nullable=False),
    Column("device", NAME, nullable=False),
    Column("seen", Float, nullable=False),  # when it was last heard of
)

SUBMISSIONS = Table(
    "submissions",
    TABLES,
    Column("id", String(16), primary_key=True),
    Column("owner", NAME, ForeignKey("owners.name"), nullable=False),
    Column("key", NAME, nullable=False),  # the client's own name for it
    Column("asked", String(64), nullable=False),  # sha256 of recipe and count
    Column("at", Float, nullable=False),
    UniqueConstraint("owner", "key", name="asked_once"),
)

JOBS = Table(
    "jobs",
    TABLES,
    Column("id", String(16), primary_key=True),
    Column("submission", String(16), ForeignKey("submissions.id", ondelete="CASCADE"), nullable=False),
    Column("owner", NAME, ForeignKey("owners.name"), nullable=False),
    Column("number", Integer, nullable=False, unique=True),  # of the event by which it was queued
    Column("model", String(64), nullable=False),
    Column("recipe", Text, nullable=False),
    Column("work", Float, nullable=False),
    Column("state", String(16), nullable=False),
    Column("lapses", Integer, nullable=False),  # leases that ran out
    Column("lease", String(32)),  # the token under which it is held, or was last
    Column("worker", NAME),
    Column("until", Float),
    Column("spent", Float, nullable=False),  # device-seconds under this lease
    Column("done", Integer, nullable=False),  # forward passes,
    Column("total", Integer, nullable=False),  # of so many
    Column("preview", LargeBinary),  # the last one
    Column("picture", String(64)),  # sha256 of the file
    Column("notes", Text, nullable=False),
    Column("what", Text, nullable=False),  # why it failed,
    Column("remedy", Text, nullable=False),  # and what to do
    CheckConstraint(f"state IN ({', '.join(repr(state.value) for state in State)})", name="known_state"),
    CheckConstraint("(state = 'done') = (picture IS NOT NULL)", name="done_is_a_picture"),
    CheckConstraint("(state = 'failed') = (what <> '')", name="failed_says_why"),
    CheckConstraint("(state = 'running') = (until IS NOT NULL)", name="running_is_leased"),
    CheckConstraint("until IS NULL OR (lease IS NOT NULL AND worker IS NOT NULL)", name="leased_to_somebody"),
    Index("jobs_waiting", "state", "model", "owner", "number"),
    Index("jobs_of", "owner", "number"),
    Index("jobs_of_submission", "submission"),
    Index("jobs_with_picture", "picture"),
)

EVENTS = Table(
    "events",
    TABLES,
    Column("number", Integer, primary_key=True, autoincrement=False),  # without a gap, in the order of commits
    Column("job", String(16), ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("at", Float, nullable=False),
    Column("detail", Text, nullable=False),  # JSON
    Index("events_of", "job", "number"),
)

LEDGER = Table(  # lines are only ever added: what is set aside for a job, and then what it cost beside that
    "ledger",
    TABLES,
    Column("job", String(16), primary_key=True),  # which may be gone by now
    Column("closes", Boolean, primary_key=True),
    Column("owner", NAME, nullable=False),  # nobody, when they have gone
    Column("assignment", NAME, nullable=False),
    Column("unit", String(16), nullable=False),
    Column("amount", Integer, nullable=False),  # of the unit; whole, so that sums are exact
    Column("at", Float, nullable=False),
    CheckConstraint("closes OR amount >= 0", name="set_aside"),
    Index("ledger_of", "owner", "assignment"),
)

EXPLAINED = Table(  # jobs that draw a picture again to say what its words looked at
    "explained",
    TABLES,
    Column("job", String(16), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("of", String(16), nullable=False),  # the job whose picture it is; one submission holds both
    Index("explanations_of", "of"),
)

HALL = Table(  # sentences that were sent to be drawn before everybody
    "hall",
    TABLES,
    Column("id", String(16), primary_key=True),
    Column("owner", NAME, nullable=False),
    Column("number", Integer, nullable=False, unique=True),
    Column("prompt", Text, nullable=False),
    Column("at", Float, nullable=False),
    Column("stand", String(16), nullable=False),
    Column("job", String(16)),  # which may be gone by now
    Column("turn", Integer, nullable=False),  # when it was shown, counted
    CheckConstraint("stand IN ('waiting', 'shown', 'left')", name="known_stand"),
    CheckConstraint("(stand = 'shown') = (job IS NOT NULL)", name="shown_is_drawn"),
    Index("hall_of", "owner", "stand"),
)

STUDIES = Table(  # questions whether a model favours something
    "studies",
    TABLES,
    Column("id", String(16), primary_key=True),
    Column("owner", NAME, nullable=False),
    Column("number", Integer, nullable=False, unique=True),
    Column("question", Text, nullable=False),  # as audit.study writes it
    Column("recipe", Text, nullable=False),  # of its first picture: the others differ in seed and prompt alone
    Column("pooled", Boolean, nullable=False),  # whoever asks for the same pictures may use these
    Column("second", Boolean, nullable=False),  # others of the class may label them, too
    Column("at", Float, nullable=False),
    Index("studies_of", "owner", "number"),
)

STUDIED = Table(  # which job draws which of a study's pictures
    "studied",
    TABLES,
    Column("study", String(16), ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True),
    Column("picture", String(16), primary_key=True),
    Column("job", String(16), nullable=False),  # which may be another's, or gone by now
    Index("studied_by", "job"),
)

LABELS = Table(  # lines are only ever added; an empty answer takes back the last
    "labels",
    TABLES,
    Column("study", String(16), ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("rater", NAME, nullable=False),
    Column("picture", String(16), nullable=False),
    Column("answer", Text, nullable=False),
    Column("at", Float, nullable=False),
    Index("labels_of", "rater"),
)

DRAFTS = Table(  # work that is to be handed in: a task's own words, and each of its entries
    "drafts",
    TABLES,
    Column("id", String(16), primary_key=True),
    Column("owner", NAME, nullable=False),
    Column("task", NAME, nullable=False),
    Column("place", Integer, nullable=False),  # from 1; 0 the task's own words, -1 set aside
    Column("said", Text, nullable=False),  # JSON; pictures by the names of their jobs, which may be gone by now
    Column("turn", Integer, nullable=False),  # how often it was written
    Column("at", Float, nullable=False),
    CheckConstraint("place >= -1", name="some_place"),
    Index("drafts_of", "owner", "task", "place"),
)

# Public keys by which receipts are known: ours, one of which signs now, and other setups' that are trusted
KEYS = Table(
    "keys",
    TABLES,
    Column("id", String(16), primary_key=True),
    Column("public", String(64), nullable=False),  # in hexadecimal digits
    Column("made", Float, nullable=False),
    Column("standing", String(16), nullable=False),
    Column("name", NAME, nullable=False),
    CheckConstraint("standing IN ('current', 'retired', 'trusted')", name="known_key"),
)

RECEIPTS = Table(  # one for each owner of pixels; lines are only ever added, and go with their owner
    "receipts",
    TABLES,
    Column("id", String(64), primary_key=True),  # of the statement
    Column("owner", NAME, nullable=False),
    Column("pseudonym", String(16), nullable=False),  # drawn by lot: it leads to nobody when these rows are gone
    Column("job", String(16), nullable=False),  # which may be gone by now
    Column("pixels", String(64), nullable=False),
    Column("likeness", String(64), nullable=False),
    Column("digest", String(64), nullable=False),  # of the recipe
    Column("recipe", Text, nullable=False),
    Column("at", Float, nullable=False),
    Column("receipt", Text, nullable=False),  # JSON, with its signature
    UniqueConstraint("owner", "pixels", "digest", name="drawn_once"),
    Index("receipts_of_pixels", "pixels"),
    Index("receipts_of_recipe", "digest"),
    Index("receipts_of_job", "job"),
)
