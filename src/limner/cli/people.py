"""`limner studio people`: who is in the course: invited, listed, let in and out, given their data, and deleted."""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli import asked
from limner.errors import LimnerError

if TYPE_CHECKING:
    from limner.studio.course import Course
    from limner.studio.database import Database
    from limner.studio.people.invitations import Invitation
    from limner.studio.people.person import Person
    from limner.studio.vault import Vault

JOBS = "begin | invite | resend | list | role | suspend | readmit | revoke | grant | export | delete | retire | audit"
ROLES = ("student", "assistant", "instructor")


def flags(parser: argparse.ArgumentParser) -> None:
    """The jobs, each with where the studio is."""
    jobs = parser.add_subparsers(metavar=JOBS, required=True)
    begin = jobs.add_parser(
        "begin", help="print the link by which an instructor comes in: the first, or one locked out"
    )
    begin.add_argument("name", metavar="NAME", help="what they are called")
    begin.add_argument("mail", metavar="MAIL", help="their mail address, by which they sign in")
    begin.set_defaults(job=_begin)
    invite = _sending(jobs.add_parser("invite", help="invite those of a roster who are not in the course"))
    invite.add_argument("roster", type=Path, metavar="ROSTER.csv", help="name,mail,role; a line for each person")
    invite.set_defaults(job=_invite)
    resend = _sending(jobs.add_parser("resend", help="send another link; the one before is void"))
    resend.add_argument("who", nargs="*", metavar="WHO", help="a mail address or an id")
    resend.add_argument("--pending", action="store_true", help="all who were invited and have not come")
    resend.set_defaults(job=_resend)
    listing = jobs.add_parser("list", help="list who is in the course")
    asked.json_flag(listing)
    listing.set_defaults(job=_list)
    role = _named(jobs.add_parser("role", help="give somebody another role"))
    role.add_argument("role", choices=ROLES, help="what they are from now on")
    role.set_defaults(job=_role)
    _named(jobs.add_parser("suspend", help="let nobody in by an account; its pictures stay")).set_defaults(job=_suspend)
    _named(jobs.add_parser("readmit", help="undo a suspension")).set_defaults(job=_readmit)
    revoke = _named(jobs.add_parser("revoke", help="end somebody's sessions and tokens, or one token"))
    revoke.add_argument("--token", metavar="NAME", help="only this token")
    revoke.set_defaults(job=_revoke)
    grant = _named(jobs.add_parser("grant", help="give a student more of an assignment's budget, or take some away"))
    grant.add_argument("assignment", metavar="ASSIGNMENT", help="its name in the class file")
    grant.add_argument("more", type=int, metavar="N", help="pictures or seconds, as its budget is; -5 takes 5 away")
    grant.set_defaults(job=_grant)
    export = _named(jobs.add_parser("export", help="write a zip of all that the studio has of somebody"))
    export.add_argument("to", type=Path, metavar="FILE.zip", help="a new file, which only you can read")
    export.set_defaults(job=_export)
    delete = _named(jobs.add_parser("delete", help="delete somebody's account, jobs and pictures"))
    delete.add_argument("--yes", action="store_true", help="without this, only say what would be deleted")
    delete.set_defaults(job=_delete)
    retire = jobs.add_parser("retire", help="remove what is older than the class file says")
    retire.set_defaults(job=_retire)
    for job in (begin, invite, resend, grant, retire):
        job.add_argument("--class", dest="course", type=Path, metavar="FILE", required=True, help="the class file")
    audit = jobs.add_parser("audit", help="check the log and the ledger, and show the log's last lines")
    audit.add_argument("--mark", metavar="NUMBER:HASH", help="as an earlier audit printed it: it has to be there still")
    audit.add_argument("--last", type=int, default=20, metavar="N", help="how many lines to show (20)")
    audit.set_defaults(job=_audit)
    for job in jobs.choices.values():
        _placed(job)


def run(args: argparse.Namespace) -> int:
    code: int = args.job(args)
    return code


def _placed(job: argparse.ArgumentParser) -> None:
    job.add_argument("--folder", type=Path, metavar="DIR", help="the studio's folder; ~/.limner/studio if left out")
    job.add_argument("--database", metavar="URL", help="postgresql://... or sqlite:///FILE; studio.db in the folder")


def _named(job: argparse.ArgumentParser) -> argparse.ArgumentParser:
    job.add_argument("who", metavar="WHO", help="a mail address or an id")
    return job


def _sending(job: argparse.ArgumentParser) -> argparse.ArgumentParser:
    how = job.add_mutually_exclusive_group(required=True)
    how.add_argument("--sheet", type=Path, metavar="FILE.html", help="write a page to print, which only you can read")
    how.add_argument("--mail", action="store_true", help="send mail by the server of the class file")
    return job


def _folder(args: argparse.Namespace) -> Path:
    """The studio's, which nobody else may look into."""
    from limner.bundle.place import home

    folder: Path = args.folder or home() / "studio"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder.absolute()


def _database(args: argparse.Namespace) -> "Database":
    from limner.studio.database import connect

    return connect(args.database or f"sqlite:///{_folder(args) / 'studio.db'}")


def _vault(args: argparse.Namespace) -> "Vault":
    from limner.studio.vault import Vault

    return Vault(_folder(args) / "pictures")


def _course(args: argparse.Namespace) -> "Course":
    from limner.studio import course

    return course.read(args.course)


def _who(database: "Database", who: str) -> "Person":
    from limner.studio.people.person import find
    from limner.studio.register import Standing

    person = find(database, who)
    if person.standing == Standing.GONE:
        raise LimnerError(f"{who} was deleted", "limner studio people list shows who is here")
    return person


def _begin(args: argparse.Namespace) -> int:
    from limner.studio.people import roster
    from limner.studio.people.invitations import Invitations
    from limner.studio.people.person import OPERATOR, find
    from limner.studio.register import Role

    database = _database(args)
    guest = roster.guest(args.name, args.mail, Role.INSTRUCTOR.value)
    links = Invitations(database, _course(args))
    new = links.invite(OPERATOR, [guest])
    if not new and find(database, guest.mail).role != Role.INSTRUCTOR:
        raise LimnerError(f"{guest.mail} is no instructor", f"limner studio people role {guest.mail} instructor")
    print((new or [links.again(OPERATOR, guest.mail)])[0].link)
    return 0


def _invite(args: argparse.Namespace) -> int:
    from limner.studio.people import roster
    from limner.studio.people.invitations import Invitations
    from limner.studio.people.person import OPERATOR

    course, guests = _course(args), roster.read(args.roster)
    _ready(args, course)
    invitations = Invitations(_database(args), course).invite(OPERATOR, guests)
    print(f"{len(invitations)} invited, {len(guests) - len(invitations)} were in the course already")
    return _send(args, course, invitations)


def _resend(args: argparse.Namespace) -> int:
    from limner.studio.people.invitations import Invitations
    from limner.studio.people.person import OPERATOR, everybody
    from limner.studio.register import Standing

    course, database = _course(args), _database(args)
    _ready(args, course)
    people = [_who(database, who) for who in args.who]
    if args.pending:
        people += [each for each in everybody(database) if each.standing == Standing.INVITED and each not in people]
    if not people:
        raise LimnerError("there is nobody to send a link to", "name somebody, by mail or id")
    links = Invitations(database, course)
    return _send(args, course, [links.again(OPERATOR, person.id) for person in people])


def _ready(args: argparse.Namespace, course: "Course") -> None:
    """LimnerError before anybody is invited, as nobody could find out their links again."""
    if args.mail and course.mail is None:
        raise LimnerError(f"{args.course} names no mail server", "write a [mail] section, or give --sheet")
    if args.sheet and args.sheet.exists():
        raise LimnerError(f"there is a file {args.sheet} already", "choose another name")
    if args.sheet and not args.sheet.parent.is_dir():
        raise LimnerError(f"there is no folder {args.sheet.parent}", "make it, or choose another")


def _send(args: argparse.Namespace, course: "Course", invitations: list["Invitation"]) -> int:
    """1 where somebody was not reached."""
    from limner.studio.people import letters

    if args.sheet:
        if invitations:
            letters.write(args.sheet, letters.sheet(course, invitations))
            print(f"{args.sheet}: print it, hand it out and delete it: each link lets somebody in")
        return 0
    lost = 0
    for sent in letters.post(course, invitations) if invitations else ():
        if isinstance(sent, letters.Lost):
            lost += 1
            print(f"{sent.invitation.person.mail}: {sent.why}", file=sys.stderr)
        else:
            print(f"sent to {sent.person.mail}")
    return int(lost > 0)


def _list(args: argparse.Namespace) -> int:
    from limner.studio.people.person import everybody

    people = everybody(_database(args))
    if args.json:
        asked.print_json([asdict(each) for each in people])
        return 0
    width = max((len(each.name) for each in people), default=0)
    for each in people:
        print(f"{each.name:{width}}  {each.role.value:10}  {each.standing.value:9}  {each.id}  {each.mail}")
    if not people:
        print("nobody is in the course; limner studio people invite ROSTER.csv invites")
    return 0


def _role(args: argparse.Namespace) -> int:
    from limner.studio.people.person import OPERATOR, promote
    from limner.studio.register import Role

    promote(_database(args), OPERATOR, args.who, Role(args.role))
    return 0


def _suspend(args: argparse.Namespace) -> int:
    from limner.studio.people.person import OPERATOR, suspend

    suspend(_database(args), OPERATOR, args.who)
    return 0


def _readmit(args: argparse.Namespace) -> int:
    from limner.studio.people.person import OPERATOR, readmit

    readmit(_database(args), OPERATOR, args.who)
    return 0


def _revoke(args: argparse.Namespace) -> int:
    from limner.studio.people.person import OPERATOR, sign_out
    from limner.studio.people.tokens import Tokens

    if args.token:
        Tokens(_database(args)).revoke(OPERATOR, args.who, args.token)
    else:
        sign_out(_database(args), OPERATOR, args.who)
    return 0


def _grant(args: argparse.Namespace) -> int:
    from limner.studio.people.classroom import Classroom
    from limner.studio.people.person import OPERATOR
    from limner.studio.store import Store

    room = Classroom(Store(_database(args)), _course(args))
    room.grant(OPERATOR, args.who, args.assignment, args.more)
    return 0


def _export(args: argparse.Namespace) -> int:
    from limner.studio.people.export import export_to

    database = _database(args)
    count = export_to(database, _vault(args), _who(database, args.who), args.to)
    print(f"{args.to}: {count} pictures, and all that is known of them")
    return 0


def _delete(args: argparse.Namespace) -> int:
    from limner.studio.people.deletion import erase
    from limner.studio.people.person import OPERATOR
    from limner.studio.store import Store

    database = _database(args)
    person = _who(database, args.who)
    if not args.yes:
        jobs = sum(Store(database).counts(person.id).values())
        raise LimnerError(f"{person.mail} and {jobs} jobs would be deleted", "say --yes; export them before")
    done = erase(database, _vault(args), OPERATOR, person)
    print(f"deleted {person.mail}: {done.jobs} jobs, {done.pictures} pictures")
    if done.others:
        print(f"{done.others} pictures are somebody else's too, or go with the next limner studio people retire")
    return 0


def _retire(args: argparse.Namespace) -> int:
    from limner.studio.people.retention import retire

    done = retire(_database(args), _vault(args), _course(args))
    print(f"removed {done.jobs} jobs, {done.pictures} pictures, {done.accounts} accounts")
    return 0


def _audit(args: argparse.Namespace) -> int:
    """1 if something is wrong with the log or the ledger."""
    from datetime import datetime

    from limner.studio.budgets import unbalanced
    from limner.studio.people import log

    database = _database(args)
    checked = log.check(database, *(log.marked(args.mark) if args.mark else (0, "")))
    for line in log.lines(database, max(0, checked.lines - max(args.last, 0))):
        at = datetime.fromtimestamp(line.at).astimezone().isoformat(" ", "seconds")
        print(
            f"{line.number:6}  {at}  {line.actor:16}  {line.deed}  {line.subject}  {dict(line.detail) or ''}".rstrip()
        )
    faults = [fault for fault in (checked.fault, *database.read(unbalanced)) if fault]
    for fault in faults:
        print(f"!! {fault}")
    if not checked.fault:
        print(f"mark {checked.lines}:{checked.hash}: keep it elsewhere, and --mark will show that nothing was removed")
    return int(bool(faults))
