"""`limner demo`: four sentences become four pictures and one sheet, with the model that ships."""

import argparse
import io
import sys

from limner.cli import asked, stamps
from limner.recipe import Wish

SENTENCES = (
    "a red apple, 3d render",
    "a cat, flat emoji style",
    "a sailboat, noto style",
    "a rose, 3d render",
)


def flags(parser: argparse.ArgumentParser) -> None:
    asked.bundle_flags(parser)
    asked.backend_flag(parser)
    asked.folder_flag(parser)
    asked.json_flag(parser)


def run(args: argparse.Namespace) -> int:
    from limner.cli.drawing import draw
    from limner.cli.make import resolved
    from limner.engine import backends
    from limner.metadata import deposit, prepare
    from limner.pictures.contact import sheet

    prepare(args.out)
    signed = stamps.Stamps(stamps.signing())
    bundle = asked.bundle(args)
    if args.backend is None and backends.verdict(bundle) is None and backends.candidates(bundle):
        print("limner: finding the fastest way to compute here, once", file=sys.stderr, flush=True)
        backends.prepare(bundle)
    backend = asked.backend(args, bundle)
    drawn = []
    for sentence in SENTENCES:  # one at a time, so that each one's seconds are its own
        recipe = resolved(Wish(prompt=sentence), bundle, None)
        for each in draw([recipe], bundle, backend, args.out, "png", stamps=signed):
            drawn.append(each)
            if not args.json:
                print(f"{each.path}  {each.seconds:5.1f} s  {sentence}", flush=True)
    file = io.BytesIO()
    sheet([each.picture for each in drawn], SENTENCES).save(file, "PNG")
    path = deposit(file.getvalue(), args.out, "-demo.png")
    if args.json:
        asked.print_json(
            {
                "model": bundle.name,
                "backend": backend.name,
                "pictures": [each.report() for each in drawn],
                "sheet": str(path),
            }
        )
    else:
        print(f"{path}  all four on one sheet")
    return 0
