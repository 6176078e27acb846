"""What stands in forms and addresses, plainly, and what nobody should write there: words, numbers and headers."""

from collections.abc import Mapping, Sequence

from limner.metadata import LADDERS
from limner.studio.staff import WALKS
from limner.studio.web.asked import WISHED

HANDED: Mapping[str, str] = {  # where a hand-in comes, and as what
    "/course/check": "files", "/api/course/check": "files", "/course/verify": "pictures", "/course/handin": "zip",
}  # fmt: skip
UPLOADS = ("/read", "/sdapi/v1/png-info", "/workers/picture", "/people/invite", "/gradio/gradio_api/upload", *HANDED)
ASKS = (*WISHED, "model", "count", "key", "assignment")
FIELDS_OF: Mapping[str, Sequence[str]] = {  # of forms that are read without a model of theirs
    "/": (*ASKS, "dice", "luck", "to"),
    "/grid": (*ASKS, "x", "y", "z", "xs", "ys", "zs"),
    "/hall": ("prompt", "key"),
    "/show/next": ("sentence", "prompt", "key"),
    "/read": ("picture", "csrf"),
    "/bias": (*ASKS, "beside", "question", "categories", "counted", "low", "high", "source", "pooled"),
    "/bias/{study}/draw": ("assignment",),
    "/bias/{study}/second": ("second",),
    "/bias/{study}/harm": ("harm",),
    "/bias/{study}/tally": ("rater", "place", "key"),
    "/bias/{study}/undo": ("rater", "place"),
    "/course/use": ("job", "task", "entry", "where", "which", "key"),
    "/course/task/{task}": ("turn", "do", "0 goal", "0 story", "1 correct", "1 incorrect", "goal", "story"),
    "/course/handin/{handin}/remark": ("text",),
    "/course/grade/{handin}": ("points-story", "comment-story", "line"),
    "/course/remarks/{remark}": ("text",),
    "/course/verify": ("who", "pseudonym"),
}
ASKED_OF: Mapping[str, Sequence[str]] = {  # and of addresses
    "/": (*ASKS, "again"),
    "/grid": (*ASKS, "again", "x", "y", "z", "xs", "ys", "zs"),
    "/compare": ("job",),
    "/gallery.zip": ("job",),
    "/gallery": ("words", "seed", "model", "state", "before"),
    "/show": ("at",),
    "/bias": ("prompt", "beside", "model"),
    "/bias.zip": ("study",),
    "/bias/{study}/tally": ("rater",),
    "/course/use": ("job",),
    "/course/pack": ("task",),
    "/course/pack.zip": ("task", "anyway"),
    "/course/awards": ("chosen",),
    "/sign-in": ("next",),
    "/log": ("before", "check"),
    "/shared": ("reported",),
    "/api/events": ("after",),
    "/api/jobs": ("last", "before"),
    "/api/jobs/{job}/events": ("after",),
    "/gradio/gradio_api/queue/data": ("session_hash",),
}
PLAIN: Mapping[str, Sequence[str]] = {
    "prompt": ("a red apple", "a cat AND a dog", "(a:1.2) [b|c]"), "negative": ("", "rain"), "seed": ("1", "42"),
    "steps": ("1", "4"), "sampler": WALKS, "ladder": tuple(LADDERS), "eta": ("0", "0.5"), "guidance": ("1", "7.5"),
    "width": ("64", "8"), "height": ("64", "128"), "count": ("1", "2", "3"), "model": ("mini", "ruled", ""),
    "assignment": ("tries", "free", ""), "excite": ("auto", "cat, dog", ""), "to": ("grid", ""),
    "state": ("done", "queued"),
    "x": ("steps", "seed", "prompt"), "y": ("seed", "guidance", "model"), "z": ("", "sampler"), "xs": ("1..3", "1, 2"),
    "ys": ("1\n2", "mini\nruled", "1..2"), "zs": ("", "euler\nheun"), "next": ("/gallery", "//example.org"),
    "categories": ("a\nb", "female\nmale\nx"), "low": ("40", ""), "high": ("50", ""), "pooled": ("yes", ""),
    "beside": ("a dog", ""), "task": ("story", "bias", "open-ended"), "where": ("new", "1"), "place": ("0", "1"),
    "key": ("1", "0", "k"), "rater": ("first", "second"), "form": ("png", "jpg", "webp"), "number": ("001", "1"),
    "second": ("yes", ""), "anyway": ("1", ""), "points-story": ("7", "-1", "1e9"), "do": ("save", "up 1"),
    "words": ("red apple", "cat"), "after": ("0", "3"), "last": ("1", "500"), "check": ("true", "1"),
}  # fmt: skip
NASTY = (
    "", "\0", "a\0b", "9" * 5000, "000000001" + "9" * 4990, "-1", "1e999", "nan", "inf", "-0", "0x10",
    "\u0663", "\u00b2", "\u202e",
    "a" * 3000, "../../etc/passwd", "..%2f..%2fetc", "{{7*7}}", "<script>alert(1)</script>", "'; DROP TABLE jobs; --",
    "a " * 3000, "%", "1..9999999999", "2147483648", "9223372036854775808", "18446744073709551616",
    "true", "null", "[]", "\x85",
)  # fmt: skip
ODD: Mapping[bytes, Sequence[bytes]] = {
    b"host": (b"", b"[", b"[::1]", b"[::1", b"127.0.0.1:x", b"localhost", b"evil.example",
              b"127.0.0.1:99999999", b"\xff", b"a@127.0.0.1"),
    b"origin": (b"null", b"http://127.0.0.1", b"http://[", b"//", b"http://evil.example", b"\xff", b"http://127.0.0.1:x"),
    b"content-length": (b"9" * 5000, b"-1", b"1e3", b"", b"99999999999", b"\xb2"),
    b"content-type": (b"multipart/form-data", b"multipart/form-data; boundary=",
                      b"multipart/form-data; boundary=\xff; charset=x",
                      b"application/json; charset=utf-7", b"text/html", b"\xff",
                      b"application/x-www-form-urlencoded; charset=none", b""),
    b"accept": (b"text/html", b"text/event-stream", b"\xff", b"*/*;q=x"),
    b"authorization": (b"Bearer ", b"Bearer \xff\xff", b"Basic \xff", b"Basic Og==", b"Basic gA==", b"x" * 5000),
    b"cookie": (b"limner=\xff", b"limner=" + b"x" * 4000, b";;;=;", b"limner=a; limner=b"),
    b"last-event-id": (b"-1", b"9223372036854775808", b"99999999999999999999999", b"x", b"", b"1.5"),
    b"idempotency-key": (b"\xff", b"x" * 300, b"a b", b"", b"\x85"),
    b"if-none-match": (b'"x"', b"*", b"\xff"),
    b"sec-fetch-mode": (b"cors", b"navigate", b"\xff"),
    b"sec-fetch-site": (b"same-origin", b"none", b"cross-site", b"\xff"),
    b"x-csrf-token": (b"", b"\xff", b"x"),
    b"x-forwarded-for": (b"evil.example", b"\xff"),
    b"transfer-encoding": (b"chunked",),
    b"range": (b"bytes=0-", b"bytes=9999-1"),
}  # fmt: skip
