"""Pictures leave the studio with their owner's receipt, and whoever marks them asks here who made them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory

from fastapi import Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from limner.audit import credentials, keys, likeness
from limner.audit.receipt import Receipt, for_jpeg
from limner.coursework import specfile
from limner.coursework.claims import handed, judged
from limner.coursework.handin import Source, opened
from limner.coursework.verify import LIKENESS, Judged
from limner.errors import LimnerError
from limner.metadata import FORMATS, leaving
from limner.recipe import to_json
from limner.studio.notary import Notary
from limner.studio.notary import keys as known
from limner.studio.people.person import Person, everybody
from limner.studio.receipts import StudioBook, called, receipt
from limner.studio.store import Job
from limner.studio.web.front import Front, Json
from limner.studio.web.page import paper
from limner.studio.web.user import LOCAL, Asker, User

FORMS = {**{ending[1:]: form for form, ending in FORMATS.items()}, "jpeg": "jpeg"}
MOST = 60  # pictures that are looked at at once
AT_HAND = {"cache-control": "private, no-cache"}
PUBLIC = {"cache-control": "public, max-age=300", "access-control-allow-origin": "*"}


@dataclass(frozen=True, slots=True)
class Receipts:
    front: Front

    @property
    def notary(self) -> Notary:
        return Notary(self.front.vault)

    def keys(self) -> JSONResponse:
        """The public keys by which receipts of this studio are known, as a JWK Set."""
        return JSONResponse(keys.published(self.front.store.database.read(known).values()), headers=PUBLIC)

    def one(self, job: str, user: Asker) -> dict[str, Json]:
        """The signed receipt of a picture of yours, and the recipe that it is of."""
        found = self.front.drawn(user, job)
        said = self._receipt(found, self._data(found))
        if said is None:
            raise LimnerError("there is no receipt of that", "draw it again", 404)
        return {"receipt": said.text(), "recipe": to_json(found.recipe)}

    def save(self, job: str, form: str, user: Asker) -> Response:
        """A picture of yours to take along, as PNG, JPEG or WebP: with recipe, receipt and content credentials."""
        found = self.front.job(user, job)
        if form not in FORMS:
            raise LimnerError(f"pictures are not given as {form[:20]!r}", f"choose {', '.join(FORMS)}", 404)
        data = self.file(user, found, FORMS[form])
        name = f'attachment; filename="limner-{found.recipe.seed}{FORMATS[FORMS[form]]}"'
        headers = {**AT_HAND, "content-disposition": name}
        return Response(data, media_type=credentials.KINDS[FORMS[form]], headers=headers)

    def file(self, user: User, job: Job, form: str) -> bytes:
        """The same, for whoever packs several; LimnerError where the user may not have it, or there is none."""
        if job.picture is None:
            raise LimnerError("that picture is not there yet", "wait for it", 409)
        return self._signed(job, self.front.picture(user, job.picture), form)

    def given(self, user: User, job: str) -> bytes:
        """The JPEG of a picture that a study of this user's has, perhaps of the class's pool: it is theirs, too, now.

        There is a receipt for each owner of pixels, and none is an accusation: they could have drawn it themselves.
        """
        found = self.front.store.job(job)
        if found is None or found.picture is None:
            raise LimnerError("a picture of the study is gone", "have it drawn again", 410)
        data, mine = self.front.kept(found.picture), replace(found, owner=user.name)
        if found.owner != user.name and self._receipt(mine, data) is None:
            seen = self.notary.look(found.picture)
            self.front.store.database.write(lambda moment: self.notary.share(moment, user.name, job, seen))
        return self._signed(mine, data, "jpeg")

    def _signed(self, job: Job, data: bytes, form: str) -> bytes:
        said = self._receipt(job, data)
        if said is None:  # drawn before there were receipts, or a sheet of maps
            return leaving(data, form, lambda bare: "")
        out = leaving(data, form, lambda bare: self._about(said, bare).text())
        if not credentials.installed():
            return out
        mine = self._about(said, out)
        return credentials.credentials(self.notary.folder).added(out, form, job.recipe, mine)

    def page(self, user: Asker) -> Response:
        """Where those who mark drop pictures."""
        return self._page()

    async def verify(self, request: Request, user: Asker) -> Response:
        """Who made the pictures of a hand-in, as far as it can be told.  They are not kept."""
        with TemporaryDirectory(prefix="limner-verify-") as folder:
            sources = list[Source]()
            async with request.form(max_files=MOST, max_fields=8) as form:
                for each in form.getlist("pictures"):
                    if isinstance(each, UploadFile) and each.size:
                        path = Path(folder) / str(len(sources))
                        await run_in_threadpool(_copied, each, path)
                        sources.append(Source(path, each.filename or "a picture"))
                who, word = (str(form.get(name) or "").strip() for name in ("who", "pseudonym"))
            return await run_in_threadpool(self._verified, sources, who, word)

    def _verified(self, sources: Sequence[Source], who: str, word: str) -> Response:
        database = self.front.store.database
        try:
            if not sources:
                raise LimnerError("no picture came along", "choose a zip, or PNG, JPEG or WebP files")
            names = [who, word] if self.front.room else [LOCAL.name]
            you = [name for each in names if each for name in called(database, each)]
            if not you:
                raise LimnerError("whose pictures are they?", "choose a person, or give a pseudonym")
            return self._page(_judged(sources, StudioBook(database, self.front.vault), you), who, word)
        except LimnerError as fault:
            return self._page([], who, word, fault)

    def _page(
        self, judged: Sequence[Judged] = (), who: str = "", word: str = "", fault: LimnerError | None = None
    ) -> Response:
        people: list[Person] = everybody(self.front.store.database) if self.front.room else []
        values = {"judged": judged, "people": people, "who": who, "word": word, "most": MOST, "likeness": LIKENESS}
        return paper("verify.html", values, fault)

    def _data(self, job: Job) -> bytes:
        if job.picture is None:
            raise LimnerError("that picture is not there yet", "wait for it", 409)
        return self.front.kept(job.picture)

    def _receipt(self, job: Job, data: bytes) -> Receipt | None:
        return receipt(self.front.store.database, job, data)

    def _about(self, said: Receipt, bare: bytes) -> Receipt:
        """A JPEG's own pixels are not those that were drawn: its receipt says so, signed here and now."""
        coded = likeness.coded(bare)
        return for_jpeg(keys.key(self.notary.folder), said, coded) if coded else said


def _judged(sources: Sequence[Source], book: StudioBook, you: Sequence[str]) -> list[Judged]:
    """What is to be said of the pictures among these files, or in the zip that the one file is."""
    rules, name = specfile.read(None), sources[0].name[:200]
    with opened(name, sources, rules.limits) as handin:
        pictures = handed(handin, rules)
        if not pictures:
            raise LimnerError(f"{name} has no picture", "choose a zip, or PNG, JPEG or WebP files")
        return [judged(each, book, you) for each in pictures]


def _copied(sent: UploadFile, path: Path) -> None:
    with open(path, "wb") as target:
        copyfileobj(sent.file, target)
