"""The studio as clients of OpenAI's image interface know it, with vllm-omni's names where that has none."""

import re
import time
from base64 import b64encode
from dataclasses import dataclass
from secrets import randbelow
from typing import Annotated, Literal

from fastapi import Header, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from limner.errors import LimnerError
from limner.recipe import FIELDS, SEEDS, Wish
from limner.studio.schema import State
from limner.studio.staff import Card
from limner.studio.store import Job
from limner.studio.web.front import Front, Json
from limner.studio.web.user import Asker

MOST = 10  # pictures at once
Key = Annotated[str | None, Header(alias="Idempotency-Key")]


class Images(BaseModel):
    """A request for pictures.  `quality`, `style`, `moderation` and `user` are read and change nothing."""

    model_config = ConfigDict(extra="forbid")

    prompt: str = Field(max_length=FIELDS["prompt"].high)
    model: str = Field("", max_length=64, description="as /v1/models lists it; the studio's own if left out")
    n: int = Field(1, ge=1, le=MOST)
    size: str = Field("auto", pattern=r"^(auto|\d{1,4}x\d{1,4})$", description="WIDTHxHEIGHT, or the model's own")
    response_format: Literal["b64_json", "url"] = "b64_json"
    output_format: Literal["png"] = "png"
    background: Literal["auto", "opaque"] = "auto"
    stream: Literal[False] = False
    negative_prompt: str | None = Field(None, description="what it is steered away from")
    num_inference_steps: int | None = Field(None, description="noise levels walked down")
    guidance_scale: float | None = Field(None, description="how far the prompt is overstated")
    seed: int | None = Field(None, description="any, if left out; the answer says which")
    assignment: str = Field("", max_length=200, description="what it is for, where a class has several")
    quality: str | None = None
    style: str | None = None
    moderation: str | None = None
    user: str | None = None

    def wish(self) -> Wish:
        sides = re.fullmatch(r"(\d+)x(\d+)", self.size)
        return Wish(
            prompt=self.prompt,
            negative=self.negative_prompt,
            steps=self.num_inference_steps,
            guidance=self.guidance_scale,
            seed=randbelow(SEEDS - MOST) if self.seed is None else self.seed,
            width=int(sides[1]) if sides else None,
            height=int(sides[2]) if sides else None,
        )


@dataclass(frozen=True, slots=True)
class OpenAI:
    front: Front

    async def generations(self, asked: Images, request: Request, user: Asker, key: Key = None) -> dict[str, Json]:
        """Pictures of a prompt, when they are there.  Whoever goes away meanwhile finds them among his tries."""
        wish, purpose = asked.wish(), asked.assignment
        names = await run_in_threadpool(self.front.submit, user, asked.model, wish, asked.n, key or "", purpose)
        jobs = await self.front.ended(request, user, names)
        drawn = [(job, drawing(job)) for job in jobs]
        data: list[Json] = []
        for job, picture in drawn:
            form: dict[str, Json] = {"url": f"{request.base_url}pictures/{picture}.png"}
            if asked.response_format == "b64_json":
                form = {"b64_json": b64encode(await run_in_threadpool(self.front.picture, user, picture)).decode()}
            data.append({**form, "revised_prompt": job.recipe.prompt, "seed": job.recipe.seed})
        size = f"{jobs[0].recipe.width}x{jobs[0].recipe.height}"
        return {"created": int(time.time()), "data": data, "output_format": "png", "size": size}

    def unmade(self) -> None:
        """Edits and variations are not made here yet."""
        raise LimnerError("pictures are not edited here yet", "limner edit does it from the command line", 501)

    def models(self, user: Asker) -> dict[str, Json]:
        """What can be drawn with."""
        return {"object": "list", "data": [_listed(card) for card in self.front.cards()]}

    def model(self, model: str, user: Asker) -> dict[str, Json]:
        """One of them."""
        return _listed(self.front.card(model))


def drawing(job: Job) -> str:
    """The picture that a job came to; LimnerError where it came to none."""
    if job.picture is not None:
        return job.picture
    if job.state == State.FAILED:
        raise LimnerError(job.what, job.remedy)
    if job.state == State.CANCELLED:
        raise LimnerError(f"job {job.id} was cancelled", "ask again")
    raise LimnerError(f"the studio starts anew, and job {job.id} goes on", f"see /api/jobs/{job.id}", 503)


def _listed(card: Card) -> dict[str, Json]:
    return {"id": card.name, "object": "model", "created": 0, "owned_by": "limner", "identity": card.identity}
