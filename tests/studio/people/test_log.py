"""Whatever is changed, removed or put into the log shows."""

import pytest
from sqlalchemy import delete, insert, update
from studios import Studio

from limner.errors import LimnerError
from limner.studio.people import log
from limner.studio.register import LOG, LOG_END


def written(studio: Studio, count: int = 4) -> log.Checked:
    def act(moment: object) -> None:
        for number in range(count):
            log.note(moment, "eve", "suspended", f"person {number}", {"why": "é", "n": number})

    studio.database.write(act)
    return log.check(studio.database)


def test_the_log_holds_what_was_done(studio: Studio) -> None:
    assert log.check(studio.database) == log.Checked(0, log.BEGINNING, "")
    assert written(studio).fault == ""
    lines = log.lines(studio.database)
    assert [(line.number, line.actor, line.deed, line.subject) for line in lines] == [
        (number, "eve", "suspended", f"person {number - 1}") for number in (1, 2, 3, 4)
    ]
    assert (lines[3].detail, lines[3].at) == ({"why": "é", "n": 3}, studio.time.now)
    assert log.lines(studio.database, after=2, most=1) == lines[2:3]
    assert log.lines(studio.database, about="person 1") == lines[1:2]
    assert list(log.everything(studio.database)) == lines
    assert log.check(studio.database) == log.Checked(4, lines[3].hash, "")


CHANGES = {
    "line 2 is not what was written": update(LOG).where(LOG.c.number == 2).values(actor="bob"),
    "line 3 is not what was written": update(LOG).where(LOG.c.number == 3).values(detail="{}"),
    "line 4 is not what was written": update(LOG).where(LOG.c.number == 4).values(at=1.0),
    "line 2 is missing": delete(LOG).where(LOG.c.number == 2),
    "line 1 is missing": delete(LOG).where(LOG.c.number == 1),
    "lines after 3 are missing": delete(LOG).where(LOG.c.number == 4),
    "lines after 0 are missing": delete(LOG),
    "lines after 4 are missing": delete(LOG_END),
    "line 5 is not what was written": insert(LOG).values(
        number=5, at=0.0, actor="a", deed="d", subject="s", detail="{}", hash="0" * 64
    ),
}


@pytest.mark.parametrize("fault", CHANGES)
def test_a_planted_change_shows(studio: Studio, fault: str) -> None:
    written(studio)
    studio.database.write(lambda moment: moment.run(CHANGES[fault]))
    assert log.check(studio.database).fault == fault


def test_a_mark_kept_elsewhere_shows_a_log_that_was_written_anew(studio: Studio) -> None:
    kept = written(studio)
    mark = log.marked(f"{kept.lines}:{kept.hash}")
    written(studio)
    assert log.check(studio.database, *mark).fault == ""
    studio.database.write(lambda moment: (moment.run(delete(LOG)), moment.run(delete(LOG_END))))
    assert written(studio, 3).fault == ""
    assert log.check(studio.database, *mark).fault == "line 4, whose mark you have, is missing"
    studio.time.passes(1)
    written(studio, 1)
    assert log.check(studio.database, *mark).fault == "line 4 is not the one whose mark you have"


@pytest.mark.tiny
@pytest.mark.parametrize("text", ["", "4", "4:abc", "x:" + "0" * 64, "²:" + "0" * 64])
def test_what_is_no_mark(text: str) -> None:
    with pytest.raises(LimnerError, match="is no mark of the log"):
        log.marked(text)
