"""The studio as clients of AUTOMATIC1111's web UI know it: but nobody's Interrupt ends another's picture."""

import json
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from secrets import randbelow
from typing import Annotated, TypeAlias

from fastapi import Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from limner import __version__
from limner.errors import LimnerError
from limner.metadata import LADDERS, SAMPLERS, Reading, named, parse, read, read_from
from limner.recipe import SEEDS, Recipe, Wish
from limner.studio.rules import USUAL
from limner.studio.schema import OPEN, State
from limner.studio.store import Job
from limner.studio.web.front import Front, Json
from limner.studio.web.openai import drawing
from limner.studio.web.user import Asker, User

MUCH = 500  # of somebody's latest jobs, among which the open ones are


def _told(said: dict[str, object]) -> dict[str, object]:
    """The same, which can be told again: NaN is no JSON, and half a surrogate pair no character."""
    try:
        json.dumps(said, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as fault:
        raise ValueError("it holds what JSON cannot say") from fault
    return said


Settings: TypeAlias = Annotated[dict[str, object], AfterValidator(_told)]


class Txt2img(BaseModel):
    """A request for pictures.  What is left out is as the model likes it; what limner does not do is refused."""

    model_config = ConfigDict(extra="ignore")

    prompt: str = ""
    negative_prompt: str = ""
    seed: int = Field(-1, description="-1 is any; the answer says which")
    steps: int | None = None
    cfg_scale: float | None = None
    width: int | None = None
    height: int | None = None
    eta: float | None = None
    sampler_name: str | None = None
    sampler_index: str | None = Field(None, description="an older name of sampler_name")
    scheduler: str | None = None
    batch_size: int = Field(1, ge=1, le=USUAL.cap)
    n_iter: int = Field(1, ge=1, le=USUAL.cap)
    override_settings: Settings | None = None
    send_images: bool = True
    enable_hr: bool = False
    tiling: bool | None = None
    restore_faces: bool | None = None
    subseed_strength: float | None = None
    styles: list[str] | None = None
    script_name: str | None = None
    alwayson_scripts: Settings | None = None

    def settings(self) -> Mapping[str, object]:
        return self.override_settings or {}

    def model_name(self) -> str:
        """As /sdapi/v1/sd-models titles it, perhaps with a hash behind."""
        said = self.settings().get("sd_model_checkpoint", "")
        return said.partition(" [")[0] if isinstance(said, str) else ""

    def wish(self) -> Wish:
        """LimnerError where limner cannot do what is asked."""
        for name in ("enable_hr", "tiling", "restore_faces", "subseed_strength", "styles", "script_name"):
            if getattr(self, name):
                raise LimnerError(f"limner does not do {name}", "leave it out")
        if armed := [name for name, said in (self.alwayson_scripts or {}).items() if _armed(said)]:
            raise LimnerError(f"limner has no script {armed[0][:64]!r}", "leave it out")
        sampler, ladder = _walk(self.sampler_name or self.sampler_index or "", self.scheduler or "")
        skip = self.settings().get("CLIP_stop_at_last_layers")
        return Wish(
            prompt=self.prompt,
            negative=self.negative_prompt,
            seed=randbelow(SEEDS - USUAL.cap) if self.seed == -1 else self.seed,
            steps=self.steps,
            guidance=self.cfg_scale,
            eta=self.eta,
            width=self.width,
            height=self.height,
            sampler=sampler or None,
            ladder=ladder or None,
            clip_skip=skip if isinstance(skip, int) else None,
        )


class Picture(BaseModel):
    """A picture's file in base64, as a data URL or bare."""

    image: str

    def data(self) -> bytes:
        head, comma, tail = self.image.partition(",")
        try:
            return b64decode(tail if comma and head.startswith("data:") else self.image, validate=True)
        except (Error, ValueError) as fault:
            raise LimnerError("image is not base64", "encode the picture's file") from fault


@dataclass(frozen=True, slots=True)
class WebUI:
    front: Front

    async def txt2img(self, asked: Txt2img, request: Request, user: Asker) -> dict[str, Json]:
        """Pictures of a prompt, when they are there; after an interrupt those that were."""
        wish, count = asked.wish(), asked.batch_size * asked.n_iter
        purpose = str(asked.settings().get("assignment", ""))
        names = await run_in_threadpool(self.front.submit, user, asked.model_name(), wish, count, "", purpose)
        jobs = await self.front.ended(request, user, names)
        drawn = [(job, drawing(job)) for job in jobs if job.state != State.CANCELLED]
        files = [await run_in_threadpool(self.front.picture, user, picture) for _, picture in drawn]
        texts = [read(self.front.vault.path(picture)).text for _, picture in drawn]
        images = [b64encode(data).decode() for data in files] if asked.send_images else []
        info = _info([job.recipe for job, _ in drawn], texts, asked.batch_size, jobs[0].recipe)
        return {"images": images, "parameters": asked.model_dump(), "info": json.dumps(info)}

    async def progress(self, user: Asker) -> dict[str, Json]:
        """How far your own pictures are: nobody else's are told."""
        jobs = await run_in_threadpool(self._current, user)
        running = next((job for job in jobs if job.state == State.RUNNING), None)
        look = await run_in_threadpool(self.front.store.preview, running.id) if running else None
        places = await self.front.feed.places([job.id for job in jobs if job.state in OPEN]) if jobs else {}
        late = [place.late or 0.0 for job in jobs if (place := places.get(job.id))]
        return {
            "progress": sum(_share(job) for job in jobs) / max(1, len(jobs)),
            "eta_relative": max(late, default=0.0),
            "state": {
                "skipped": False,
                "interrupted": any(job.state == State.CANCELLED for job in jobs),
                "stopping_generation": False,
                "job": running.id if running else "",
                "job_count": len(jobs),
                "job_timestamp": "0",
                "job_no": sum(job.state not in OPEN for job in jobs),
                "sampling_step": running.done if running else 0,
                "sampling_steps": running.total if running else 0,
            },
            "current_image": b64encode(look).decode() if look else None,
            "textinfo": None,
        }

    def interrupt(self, user: Asker) -> dict[str, Json]:
        """Give up what is drawn for you now, with all that was asked for at once; nobody else's."""
        for job in self._current(user):
            self.front.store.cancel(user.name, job.id)
        return {}

    def skip(self, user: Asker) -> dict[str, Json]:
        """Give up your picture that is being drawn; the next goes on."""
        for job in self._current(user):
            if job.state == State.RUNNING:
                self.front.store.cancel(user.name, job.id)
                break
        return {}

    def samplers(self, user: Asker) -> list[Json]:
        """AUTOMATIC1111's names, ours among the aliases."""
        return [{"name": names[0], "aliases": [ours, *names[1:]], "options": {}} for ours, names in SAMPLERS.items()]

    def schedulers(self, user: Asker) -> list[Json]:
        """How noise levels are spaced."""
        spaced: list[Json] = [{"name": "automatic", "label": "Automatic", "aliases": []}]
        for ours, names in LADDERS.items():
            spaced.append({"name": ours, "label": names[0], "aliases": [*names[1:]]})
        return spaced

    def models(self, user: Asker) -> list[Json]:
        """What can be drawn with.  A model's identity is no file's hash, and is not told as one."""
        return [
            {"title": card.name, "model_name": card.name, "hash": None, "sha256": None, "filename": card.name,
             "config": None}
            for card in self.front.cards()
        ]  # fmt: skip

    def options(self, user: Asker) -> dict[str, Json]:
        """Those that mean something here; they are the same for everybody."""
        return {
            "sd_model_checkpoint": self.front.card().name,
            "CLIP_stop_at_last_layers": 1,
            "samples_format": "png",
        }

    def choose(self, options: dict[str, object], user: Asker) -> None:
        """Nothing is set for everybody by one; what is so already may be said."""
        for name, value in options.items():
            if self.options(user).get(name) != value:
                raise LimnerError(f"{name[:64]} is not set for everybody", "say it in a request's override_settings")

    def png_info(self, picture: Picture, user: Asker) -> dict[str, Json]:
        """What a picture of any of six programs says of how it was made.  It is not kept."""
        found = read_from(BytesIO(picture.data()), "the picture")
        return {"info": found.text, "items": {"parameters": found.text}, "parameters": _parameters(found)}

    def unmade(self) -> None:
        """Pictures from pictures are not made here yet."""
        raise LimnerError(
            "pictures are not made from pictures here yet", "limner edit does it on the command line", 501
        )

    def _current(self, user: User) -> list[Job]:
        """What was asked for at once and is drawn now, or else next."""
        open_ = [job for job in self.front.store.jobs(user.name, MUCH) if job.state in OPEN]
        if not open_:
            return []
        first = next((job for job in reversed(open_) if job.state == State.RUNNING), open_[-1])
        return self.front.store.submission(user.name, first.submission)


def _armed(said: object) -> bool:
    """Whether an extension's script is asked to do anything."""
    return bool(said.get("args") if isinstance(said, dict) else said)


def _walk(sampler: str, schedule: str) -> tuple[str, str]:
    """Our names for theirs, empty where they leave it to us; LimnerError for names that mean nothing here."""
    schedule = "" if schedule.casefold() in ("automatic", "use same scheduler") else schedule
    ours, ladder = named(sampler, schedule)
    if sampler and not ours:
        raise LimnerError(f"sampler {sampler[:64]!r} is not known", "see /sdapi/v1/samplers")
    if schedule and not ladder:
        raise LimnerError(f"scheduler {schedule[:64]!r} is not known", "see /sdapi/v1/schedulers")
    return ours, ladder


def _share(job: Job) -> float:
    return 1.0 if job.state not in OPEN else job.done / max(1, job.total)


def _info(recipes: Sequence[Recipe], texts: Sequence[str], batch: int, asked: Recipe) -> dict[str, Json]:
    """What AUTOMATIC1111 says of pictures: each one's own seed, and each one's own text."""
    return {
        "prompt": asked.prompt,
        "all_prompts": [each.prompt for each in recipes],
        "negative_prompt": asked.negative,
        "all_negative_prompts": [each.negative for each in recipes],
        "seed": asked.seed,
        "all_seeds": [each.seed for each in recipes],
        "subseed": asked.seed,
        "all_subseeds": [each.seed for each in recipes],
        "subseed_strength": 0,
        "width": asked.width,
        "height": asked.height,
        "sampler_name": SAMPLERS.get(asked.sampler, (asked.sampler,))[0],
        "cfg_scale": asked.guidance,
        "steps": asked.steps,
        "batch_size": batch,
        "clip_skip": asked.clip_skip,
        "index_of_first_image": 0,
        "infotexts": list(texts),
        "version": f"limner {__version__}",
    }


def _parameters(found: Reading) -> dict[str, Json]:
    said = parse(found.text)
    return {"Prompt": said.prompt, "Negative prompt": said.negative, **said.settings}
