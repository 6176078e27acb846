"""`limner course`: an assignment's hand-in, made, checked and graded; each job has its module."""

import argparse

from limner.cli import checking, grading, portfolio, verifying

JOBS = "new | add | edit | move | remove | status | pack | validate | verify | schema | autograder | grade"


def flags(parser: argparse.ArgumentParser) -> None:
    jobs = parser.add_subparsers(metavar=JOBS, required=True)
    portfolio.jobs(jobs)
    checking.flags(jobs.add_parser("validate", help="say how a hand-in will be read, and what is wrong with it"))
    verifying.flags(jobs.add_parser("verify", help="say who made the pictures of a hand-in"))
    checking.schema_flags(jobs.add_parser("schema", help="print an assignment's rules as JSON Schema"))
    checking.autograder_flags(jobs.add_parser("autograder", help="write what Gradescope and MarkUs run"))
    grading.flags(jobs.add_parser("grade", help="mark a class's hand-ins: sheets without names, marks, results"))


def run(args: argparse.Namespace) -> int:
    code: int = args.job(args)
    return code
