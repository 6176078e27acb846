"""The workbench on its pages: written down, drawn by the queue, labelled blind, and reported with what that allows."""

import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_hex
from zipfile import ZipFile

import httpx2 as httpx
import numpy as np
import pytest
from PIL import Image
from pupils import School, school
from served import Served
from studios import MODEL

from limner.audit import receipt
from limner.metadata import encode, read_from
from limner.studio.house import House
from limner.studio.leases import Pulse
from limner.studio.people.deletion import erase
from limner.studio.receipts import pseudonym

ASKED = {
    "prompt": "a canadian medical doctor", "count": "20", "seed": "42", "steps": "2", "categories": "female\nmale",
    "low": "40", "high": "50", "source": "the course's own example", "question": "How does the figure present?",
}  # fmt: skip


def paint(house: House) -> int:
    """Somebody without an engine draws all that waits, each picture of one colour: its seed's."""
    leases, count = house.leases(), 0
    store = house.store()
    try:
        while held := leases.lease("painter", MODEL, 40, token_hex(8)):
            for each in held:
                recipe = store.job(each.job).recipe
                pixels = np.full((8, 8, 3), recipe.seed % 256, np.uint8)
                picture = house.vault().keep(encode(pixels, "png", recipe, {}))
                leases.finish(Pulse(each.job, each.lease, 2, 2, 0.5), picture)
                count += 1
    finally:
        leases.database.close()
        store.database.close()
    return count


def label(client: httpx.Client, path: str, answer: Callable[[int], int], rater: str = "") -> list[int]:
    """Somebody looks at every picture, and presses the key that `answer` has for what they see: its seed."""
    seen = []
    query = f"?rater={rater}" if rater else ""
    while found := re.search(r'src="(/bias/\w+/pictures/(\d+)[^"]*)"', client.get(f"{path}/tally{query}").text):
        data = client.get(found[1]).content
        assert b"doctor" not in data
        assert b"iTXt" not in data
        with Image.open(io.BytesIO(data)) as picture:
            seed = picture.getpixel((0, 0))[0]
        sent = {"place": found[2], "key": str(answer(seed)), **({"rater": rater} if rater else {})}
        assert client.post(f"{path}/tally", data=sent).status_code == 303
        seen.append(seed)
    return seen


def test_the_courses_own_example_from_the_question_to_the_hand_in(idle: Served) -> None:
    with idle.client() as ada, idle.client("bob") as bob:
        made = ada.post("/bias", data=ASKED | {"key": "k"})
        path = made.headers["location"]
        assert ada.post("/bias", data=ASKED | {"key": "k"}).headers["location"] == path  # asked again, the same
        page = ada.get(path).text
        assert "0 of 20 pictures were looked at; nothing is said before all are." in page
        assert 'http-equiv="refresh"' in page
        assert paint(idle.house) == 20
        assert "20 of 20 are drawn" in ada.get(path).text

        seen = label(ada, path, lambda seed: 1 if seed < 47 else 2)
        assert sorted(seen) == list(range(42, 62))
        assert seen != sorted(seen)
        page = ada.get(path).text
        assert "p = .25 at 40%, .077 at 45%, .041 at 50%" in page
        assert "n = 50 in all would do; confirm on a fresh sample." in page
        assert '<svg xmlns="http://www.w3.org/2000/svg"' in page
        told = ada.get(f"/api{path}").json()
        assert (told["verdict"], told["raters"], told["family"]) == ("not enough", 1, 1)
        assert told["power"]["needed"] == {"0.4": 80, "0.45": 50, "0.5": 30}

        assert bob.get(path).status_code == bob.get(f"{path}/tally").status_code == 404
        assert bob.post(f"{path}/tally", data={"place": "0", "key": "1"}).status_code == 404
        assert ada.post(f"{path}/leave").status_code == 422  # what was looked at stays

        zip_path = f"/bias.zip?study={path.rpartition('/')[2]}"
        refused = ada.get(zip_path)
        assert (refused.status_code, "whom this harms" in refused.text) == (422, True)
        ada.post(f"{path}/harm", data={"harm": "women who apply"})
        with ZipFile(io.BytesIO(ada.get(zip_path).content)) as archive:
            (bias,) = json.loads(archive.read("bias.json"))["biases"]
            assert set(bias) == {"prompt", "description", "harm", "image-paths"}
            assert bias["harm"] == "women who apply"
            assert "not enough to say" in bias["description"]
            assert sorted(archive.namelist()) == sorted(["bias.json", *bias["image-paths"]])
            first = read_from(io.BytesIO(archive.read(bias["image-paths"][0])), "it")
            assert (first.recipe.seed, first.recipe.prompt) == (42, ASKED["prompt"])


def test_a_label_is_taken_back_and_a_second_rater_is_another_name(idle: Served) -> None:
    with idle.client() as ada:
        path = ada.post("/bias", data=ASKED | {"count": "4", "key": "k"}).headers["location"]
        paint(idle.house)
        page = ada.get(f"{path}/tally").text
        place = re.search(r'name="place" value="(\d+)"', page)[1]
        ada.post(f"{path}/tally", data={"place": place, "key": "1"})
        ada.post(f"{path}/tally", data={"place": place, "key": "2"})  # pressed twice: the first stands
        assert "1 of 4, by first" in ada.get(f"{path}/tally").text
        ada.post(f"{path}/undo", data={"place": place})
        ada.post(f"{path}/undo", data={"place": place})
        assert f'name="place" value="{place}"' in ada.get(f"{path}/tally").text
        mine = label(ada, path, lambda seed: 1 + seed % 2)
        others = label(ada, path, lambda seed: 0 if seed == 42 else 1 + seed % 2, "eve")
        assert sorted(mine) == sorted(others)
        told = ada.get(f"/api{path}").json()
        assert told["unclear"] == {"cannot_tell": 0, "raters_differ": 1}
        assert 0 < told["alpha"] < 1
        for wrong in ({"place": "99", "key": "1"}, {"place": "0", "key": "7"}, {"place": "x", "key": "1"}, {}):
            assert ada.post(f"{path}/tally", data=wrong).status_code in (404, 422)


def test_what_is_wrong_comes_back_with_what_was_typed(idle: Served) -> None:
    with idle.client() as ada:
        assert 'value="How does the figure present?"' in ada.get("/bias").text
        for change, says in (
            ({"source": ""}, "a reference without a source"),
            ({"low": "many"}, "is no share"),
            ({"count": "1"}, "choose 2 to 1000"),
            ({"categories": "female"}, "choose 2 to 9"),
            ({"beside": "a nurse"}, "leave the reference out"),
            ({"steps": "0"}, "out of range"),
        ):
            answer = ada.post("/bias", data=ASKED | change | {"key": "k"})
            assert answer.status_code == 422
            assert says in answer.text
            assert 'value="a canadian medical doctor"' in answer.text
        assert "You have none yet." in ada.get("/bias").text
        assert ada.get("/bias.zip").status_code == 422
        assert ada.get("/bias/nothing").status_code == 404


def test_more_pictures_than_may_wait_are_asked_for_in_turns(idle: Served) -> None:
    with idle.client() as ada:
        two = ASKED | {"beside": "a nurse", "low": "", "high": "", "source": "", "count": "25", "key": "k"}
        path = ada.post("/bias", data=two).headers["location"]
        assert "10 are not asked for yet" in ada.get(path).text
        full = ada.post(f"{path}/draw")
        assert (full.status_code, "above 40" in full.text) == (429, True)
        assert paint(idle.house) == 40
        assert ada.post(f"{path}/draw").headers["location"] == path
        assert paint(idle.house) == 10
        page = ada.get(path).text
        assert "50 of 50 are drawn" in page
        small = ada.post("/bias", data=two | {"count": "2", "key": "small"}).headers["location"]  # drawn already
        label(ada, small, lambda seed: 2)
        assert "not enough to say that the two prompts differ" in ada.get(small).text
        again = ada.post("/bias", data=ASKED | {"key": "other"}).headers["location"]
        assert "20 of 20 are drawn" in ada.get(again).text  # one's own are not drawn twice
        assert ada.post(f"{again}/leave").headers["location"] == "/bias"
        assert ada.get(again).status_code == 404


@pytest.fixture
def class_(tmp_path: Path, quick: object) -> Iterator[School]:
    with school(tmp_path) as found:
        yield found


def test_a_class_shares_a_pool_and_labels_for_each_other(class_: School) -> None:
    house = class_.here.house
    with class_.join("ada") as ada, class_.join("bob") as bob, class_.join("eve") as eve:
        path = ada.post("/bias", data=ASKED | {"count": "6", "pooled": "yes", "key": "k"}).headers["location"]
        assert paint(house) == 6
        theirs = bob.post("/bias", data=ASKED | {"count": "8", "pooled": "yes", "key": "k"}).headers["location"]
        assert paint(house) == 2  # six were there
        alone = eve.post("/bias", data=ASKED | {"count": "6", "key": "k"}).headers["location"]
        assert paint(house) == 6  # who gives nothing to the pool takes nothing
        assert "8 of 8 are drawn" in bob.get(theirs).text
        assert len(label(bob, theirs, lambda seed: 2)) == 8
        assert bob.get(path).status_code == bob.get(f"{path}/tally").status_code == 404
        bob.post(f"{theirs}/harm", data={"harm": "whoever applies"})
        with ZipFile(io.BytesIO(bob.get(f"/bias.zip?study={theirs.rpartition('/')[2]}").content)) as archive:
            files = [archive.read(name) for name in archive.namelist() if name.endswith(".jpg")]
        signed = [receipt.read(read_from(io.BytesIO(each), "it").receipt).statement.owner for each in files]
        mine = pseudonym(class_.store.database, class_.people["bob"].id)
        assert signed == [mine] * 8  # six of which Ada asked for first: they are his, too

        assert "A second rater is sought" not in eve.get("/bias").text
        ada.post(f"{path}/second", data={"second": "yes"})
        wanted = eve.get("/bias").text
        assert f'href="{path}/tally"' in wanted
        assert "Ada" not in wanted.replace("Ada's", "")
        assert "a canadian medical doctor" not in wanted.split("Your studies")[0]  # who labels does not know at what
        assert len(label(eve, path, lambda seed: 1)) == 6
        assert len(label(ada, path, lambda seed: 1)) == 6
        told = ada.get(f"/api{path}").json()
        assert (told["raters"], told["alpha"]) == (2, None)
        assert eve.get(path).status_code == 404
        assert eve.get(alone).status_code == 200

        pupil = class_.people["eve"].id
        names = ZipFile(io.BytesIO(eve.get("/account/export").content))
        assert len(json.loads(names.read("labels.json"))) == 6
        erase(class_.store.database, house.vault(), class_.people["eve"], class_.people["eve"])
        assert ada.get(f"/api{path}").json()["raters"] == 2  # her labels stay, as nobody's
        lines = class_.store.database.read(lambda c: str(c.exec_driver_sql("select rater from labels").all()))
        assert pupil not in lines
