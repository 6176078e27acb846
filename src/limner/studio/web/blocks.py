"""Gradio's page: each button is one call of the store, and nothing is remembered between two of them."""

from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from secrets import randbelow
from typing import TypeAlias

import gradio as gr
from starlette.concurrency import run_in_threadpool

from limner.errors import LimnerError
from limner.metadata import LADDERS
from limner.recipe import FIELDS, SEEDS, Wish, checked
from limner.studio.rules import USUAL
from limner.studio.schema import OPEN
from limner.studio.staff import WALKS
from limner.studio.store import Job
from limner.studio.web.front import Front, told
from limner.studio.web.jobs import Jobs
from limner.studio.web.user import User
from limner.studio.web.webui import Picture, WebUI

LOOK = 1.0  # seconds from one look at open jobs to the next
SESSIONS = 16  # of gradio_client's, for whom Gradio keeps what was said last, although nobody here asks for it
EMPTY = ("prompt", "negative")  # which may be said to be nothing
Told: TypeAlias = dict[str, object]


@dataclass(frozen=True, slots=True)
class Calls:
    """What the page and gradio_client may ask for, in the name of whoever asks.  `take` is what an upload
    holds, `folder` where Gradio believes its files to be."""

    front: Front
    take: Callable[[object], bytes]
    folder: str

    async def models(self, request: gr.Request) -> Told:
        """What can be drawn with."""
        with plainly():
            return dict(await Jobs(self.front).models(asker(request)))

    async def draw(
        self, request: gr.Request, prompt: str, negative: str = "", model: str = "", count: int = 1,
        seed: int | None = None, steps: int | None = None, guidance: float | None = None, width: int | None = None,
        height: int | None = None, sampler: str | None = None, ladder: str | None = None, key: str = "",
    ) -> Told:  # fmt: skip
        """Ask for pictures.  What is answered is finished, or says why not; the same `key` gives the same jobs."""
        said = {"prompt": prompt, "negative": negative, "seed": seed, "steps": steps, "guidance": guidance,
                "width": width, "height": height, "sampler": sampler, "ladder": ladder}  # fmt: skip
        with plainly():
            wish = wished(said)
            asked = (asker(request), text("model", model), wish, several(count), text("key", key))
            names = await run_in_threadpool(self.front.submit, *asked)
            return await self._answer(asker(request), names)

    async def job(self, job: str, request: gr.Request) -> tuple[Told, Told | None]:
        """A job of yours, and its picture when it is there."""
        with plainly():
            found = await self._told(asker(request), text("job", job))
            return found, fetched(found, self.folder)

    async def cancel(self, job: str, request: gr.Request) -> Told:
        """Give up a job of yours."""
        with plainly():
            user, name = asker(request), text("job", job)
            await run_in_threadpool(self.front.store.cancel, user.name, name)
            return await self._told(user, name)

    async def read(self, picture: Mapping[str, object], request: gr.Request) -> Told:
        """What a picture of any of six programs says of how it was made.  It is not kept."""
        with plainly():
            image = Picture(image=b64encode(self.take(picture)).decode())
            return dict(await run_in_threadpool(WebUI(self.front).png_info, image, asker(request)))

    async def latest(self, request: gr.Request) -> Told:
        """What was asked for last: a page that is opened anew finds it."""
        with plainly():
            user = asker(request)
            jobs = await run_in_threadpool(self.front.store.jobs, user.name, 1)
            whole: list[Job] = []
            if jobs:
                whole = await run_in_threadpool(self.front.store.submission, user.name, jobs[0].submission)
            return await self._answer(user, [job.id for job in whole])

    async def look(self, answer: object, request: gr.Request) -> tuple[list[Told], str, gr.Timer]:
        """How far the jobs of an answer are: pictures, a line on each that is none yet, whether to look again."""
        with plainly():
            jobs = [await self._told(asker(request), name) for name in named(answer)]
        waits = any(job["state"] in {state.value for state in OPEN} for job in jobs)
        shown: list[Told] = [
            {"image": picture, "caption": f"seed {job['seed']}"}
            for job in jobs
            if (picture := fetched(job, self.folder))
        ]
        return shown, "\n".join(map(line, jobs)), gr.Timer(LOOK, active=waits)

    async def _answer(self, user: User, names: "list[str] | tuple[str, ...]") -> Told:
        jobs = [await self._told(user, name) for name in names]
        return {"submission": jobs[0]["submission"] if jobs else "", "jobs": jobs}

    async def _told(self, user: User, name: str) -> Told:
        job = await run_in_threadpool(self.front.job, user, name)
        return dict(told(job, await self.front.feed.places([name]) if job.state in OPEN else {}))


def page(calls: Calls) -> gr.Blocks:
    """The page with its buttons; the calls that programs may make stand beside it, under names that stay."""
    with gr.Blocks(title="limner", analytics_enabled=False) as blocks:
        for act in (calls.models, calls.draw, calls.job, calls.cancel, calls.read):
            gr.api(act, api_name=act.__name__, concurrency_limit=None)
        gr.Markdown("# limner\nAll that is asked for here is [among your tries](/#yours), too.")
        with gr.Tab("Make"):
            _make(blocks, calls)
        with gr.Tab("Read"):
            picture = gr.File(label="A picture", file_count="single")
            says = gr.JSON(label="What it says of itself")
            _private(picture.upload, calls.read, [picture], [says])
    blocks.state_session_capacity = SESSIONS
    return blocks


def _make(blocks: gr.Blocks, calls: Calls) -> None:
    prompt = gr.Textbox(label="Prompt", info=FIELDS["prompt"].help, lines=2)
    with gr.Accordion("More", open=False):
        negative = gr.Textbox(label="Negative", info=FIELDS["negative"].help)
        model = gr.Textbox(label="Model", info="its name; the studio's own if left empty")
        numbers = [gr.Textbox(label=name.capitalize(), info=f"{FIELDS[name].help}; {FIELDS[name].range}")
                   for name in ("seed", "steps", "guidance", "width", "height")]  # fmt: skip
        sampler = gr.Radio(sorted(WALKS), label="Sampler", info=FIELDS["sampler"].help)
        ladder = gr.Radio(sorted(LADDERS), label="Ladder", info=FIELDS["ladder"].help)
    count = gr.Number(label="Pictures", value=4, precision=0, minimum=1, maximum=USUAL.cap)
    button = gr.Button("Draw", variant="primary")
    line = gr.Textbox(label="How far they are", interactive=False, lines=2)
    shown = gr.Gallery(label="Pictures", columns=2, object_fit="contain", height="auto", interactive=False)
    answer, timer = gr.JSON(visible=False), gr.Timer(LOOK, active=False)
    asked = [prompt, negative, model, count, *numbers, sampler, ladder]
    looked = [shown, line, timer]
    drawn = _private(button.click, calls.draw, asked, [answer])
    opened = _private(blocks.load, calls.latest, [], [answer])
    for after in (drawn.success, opened.success, timer.tick):
        _private(after, calls.look, [answer], looked)


def _private(
    when: Callable[..., gr.events.Dependency], act: Callable[..., object], given: list[gr.components.Component],
    shown: list[gr.components.Component],
) -> gr.events.Dependency:  # fmt: skip
    """Something that the page does: for no program, and outside Gradio's queue."""
    return when(act, given, shown, queue=False, api_visibility="private", preprocess=False, postprocess=False,
                show_progress="hidden")  # fmt: skip


@contextmanager
def plainly() -> Iterator[None]:
    """What is wrong is one line here as everywhere."""
    try:
        yield
    except LimnerError as fault:
        raise gr.Error(str(fault), print_exception=False) from fault


def asker(request: gr.Request) -> User:
    """Whom the door let in."""
    user: User = request.request.state.user
    return user


def wished(said: Mapping[str, object]) -> Wish:
    """What was filled in; a page's numbers are texts.  A seed that was left open is any."""
    given = {name: value for name, value in said.items() if value is not None and (value != "" or name in EMPTY)}
    given.setdefault("seed", randbelow(SEEDS - USUAL.cap))
    return Wish(**{name: checked(name, number(name, value)) for name, value in given.items()})  # type: ignore[arg-type]


def number(name: str, value: object) -> object:
    """A text as its field's kind, where it can be read as that."""
    try:
        return FIELDS[name].kind(value) if isinstance(value, str) else value
    except ValueError:
        return value


def text(name: str, said: object) -> str:
    if not isinstance(said, str) or len(said) > 64:
        raise LimnerError(f"{name} is no name", "send a text of at most 64 characters")
    return said.strip()


def several(said: object) -> int:
    if not isinstance(said, int) or isinstance(said, bool) or not 1 <= said <= USUAL.cap:
        raise LimnerError(f"{str(said)[:20]} is no number of pictures", f"choose 1 to {USUAL.cap}")
    return said


def named(answer: object) -> list[str]:
    """The jobs that an answer tells of."""
    jobs = answer.get("jobs") if isinstance(answer, dict) else None
    told = jobs[: USUAL.cap] if isinstance(jobs, list) else []
    return [text("job", job.get("id")) for job in told if isinstance(job, dict)]


def fetched(job: Mapping[str, object], folder: str) -> Told | None:
    """A job's picture as Gradio hands files over, as if it lay in that folder: their door reads its name alone."""
    if not (picture := job["picture"]):
        return None
    name = str(picture).rpartition("/")[2]
    return {
        "path": f"{folder}/{name}",
        "orig_name": name,
        "mime_type": "image/png",
        "meta": {"_type": "gradio.FileData"},
    }


def line(job: Mapping[str, object]) -> str:
    """A job in a line of text."""
    fault, place = job["fault"], job["place"]
    why = f": {fault['what']}; {fault['remedy']}" if isinstance(fault, dict) else ""
    where = f": {place['words']}" if isinstance(place, dict) else ""
    return f"seed {job['seed']}, {job['state']}{why}{where}"
