"""From the seats to the wall: sent by anybody, chosen by who teaches, drawn once, and seen by all as nobody's."""

import re
from pathlib import Path

from pupils import school
from served import WISH, Served, painted, served

from limner.studio.register import Role


def test_a_sentence_goes_from_a_seat_to_the_wall(idle: Served) -> None:
    with idle.client() as ada, idle.client("tutor") as tutor:
        for key, prompt in (("1", "a <b>red</b> boat"), ("2", "a cat")):
            assert ada.post("/hall", data={"prompt": prompt, "key": key}).status_code == 303
        seats = ada.get("/hall").text
        assert "a &lt;b&gt;red&lt;/b&gt; boat" in seats
        assert "1 before it" in seats
        wall = tutor.get("/show").text
        assert "What shall be drawn?" in wall
        assert ">ada" not in wall
        sentence = re.findall(r'name="sentence" value="(\w+)"', wall)[1]
        sent = [tutor.post("/show/next", data={"sentence": sentence}) for _ in range(2)]
        assert {each.headers["location"] for each in sent} == {f"/show?at={sentence}"}
        (job,) = tutor.get("/api/jobs").json()["jobs"]
        assert job["recipe"]["prompt"] == "a cat"
        wall = tutor.get(f"/show?at={sentence}").text
        assert '<h1 id="sentence">a cat</h1>' in wall
        assert "data-reload" in wall
        picture = painted(idle.house, job["id"])
    with served(idle.house) as again, again.client("tutor") as tutor, again.client() as ada:
        assert f'src="/pictures/{picture}.png"' in tutor.get("/show").text
        assert "It was shown" in ada.get("/hall").text
        assert ada.get(f"/pictures/{picture}.png").status_code == 404  # who taught has drawn it
        onward = tutor.post("/show/next").headers["location"]  # the one that has waited longest
        wall = tutor.get(onward).text
        assert f'href="/show?at={sentence}" data-earlier' in wall
        assert f'href="{onward}" data-later' in tutor.get(f"/show?at={sentence}").text
        assert tutor.post("/show/next").headers["location"] == "/show"  # nobody waits


def test_who_teaches_may_type_one_and_leave_one_out(idle: Served) -> None:
    with idle.client() as ada, idle.client("tutor") as tutor:
        ada.post("/hall", data={"prompt": "something rude", "key": "1"})
        sentence = re.search(r'name="sentence" value="(\w+)"', tutor.get("/show/line").text)[1]
        tutor.post(f"/show/{sentence}/dismiss")
        assert "Nothing was sent" in tutor.get("/show/line").text
        assert "Not shown" in ada.get("/hall").text
        tutor.post("/show/next", data={"prompt": "a dog", "key": "k"})
        assert '<h1 id="sentence">a dog</h1>' in tutor.get("/show").text


def test_a_seat_takes_back_its_own_and_nobody_elses(idle: Served) -> None:
    with idle.client() as ada, idle.client("bob") as bob:
        ada.post("/hall", data={"prompt": "a cat", "key": "1"})
        path = re.search(r'action="(/hall/\w+/withdraw)"', ada.get("/hall").text)[1]
        bob.post(path)
        assert path in ada.get("/hall").text
        assert ada.post(path).headers["location"] == "/hall"
        assert path not in ada.get("/hall").text
        empty = ada.post("/hall", data={"prompt": " ", "key": "2"})
        assert (empty.status_code, "no sentence for the hall" in empty.text) == (422, True)


def test_two_who_teach_see_the_same_wall(idle: Served) -> None:
    with idle.client() as ada, idle.client("tutor") as tutor, idle.client("tutor's help") as other:
        tutor.post("/show/next", data={"prompt": "a dog", "key": "k"})
        (job,) = tutor.get("/api/jobs").json()["jobs"]
        wall = other.get("/show").text
        sentence = re.search(r'data-at="(\w+)" data-last', wall)[1]
        assert "data-watch" in wall  # its events are not told to others: it looks again
        assert [client.get(f"/show/{sentence}/picture.png").status_code for client in (ada, other)] == [403, 404]
        assert other.get(f"/show/{sentence}/look.png").status_code == 204
        picture = painted(idle.house, job["id"])
        assert other.get(f"/show/{sentence}/picture.png").content == b"\x89PNG painted"
        assert f'src="/show/{sentence}/picture.png"' in other.get(f"/show/{sentence}/stage").text
        assert f'src="/pictures/{picture}.png"' in tutor.get(f"/show/{sentence}/stage").text
        assert f'data-shown="{sentence}"' in other.get("/show/line").text
        onward = other.post("/show/next", data={"prompt": "a cat", "key": "k"}).headers["location"]
        assert f'href="{onward}" data-later' in tutor.get(f"/show?at={sentence}").text
        assert tutor.get("/show/nothing/stage").status_code == 404


def test_what_was_taken_down_hangs_on_no_wall(tmp_path: Path, quick: object) -> None:
    with school(tmp_path) as here, here.join("eve", Role.INSTRUCTOR) as eve, here.join("tom", Role.ASSISTANT) as tom:
        sentence = eve.post("/show/next", data={"prompt": "a dog", "key": "k"}).headers["location"].partition("=")[2]
        job = eve.get("/api/jobs").json()["jobs"][0]["id"]
        painted(here.here.house, job)
        assert tom.get(f"/show/{sentence}/picture.png").status_code == 200
        eve.post(f"/jobs/{job}/take-down", data={"why": "rude"})
        gone = tom.get(f"/show/{sentence}/picture.png")
        assert (gone.status_code, "taken down: rude" in gone.text) == (403, True)


def test_the_studio_says_what_it_is_and_what_it_keeps(idle: Served) -> None:
    from limner import __version__
    from limner.studio.register import KEPT

    with idle.client() as client:
        job = client.post("/api/jobs", json=WISH).json()["jobs"][0]["id"]
        painted(idle.house, job)
        page = client.get("/about").text
        for said in (f"limner {__version__}", "Apache-2.0", "a" * 64, "asked for 1 picture so far", "no time was set"):
            assert said in page, said
        store = idle.house.store()
        for number, days in ((1, 300), (2, 90)):
            store.database.write(
                lambda moment, number=number, days=days: moment.run(
                    KEPT.insert().values(number=number, at=moment.now, days=days)
                )
            )
        store.database.close()
        page = client.get("/about").text
        assert "are removed 90 days after" in page
        assert "300 days</li>" in page
