"""What went wrong and what to do about it, in one line: the only kind of error a user ever reads."""


class LimnerError(Exception):
    """A failure that a person can act on: `what` names the thing, `remedy` says what to do.

    The command line prints it on one line and exits with 2; the service answers with `status`: 422 for what is wrong,
    and another where the same question may be right later, or from somebody else; `after` so many seconds, if known.
    """

    def __init__(self, what: str, remedy: str = "", status: int = 422, after: int = 0) -> None:
        self.what, self.remedy, self.status, self.after = what, remedy, status, after
        super().__init__(f"{what}; {remedy}" if remedy else what)
