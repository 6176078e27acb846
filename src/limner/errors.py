"""What went wrong and what to do about it, in one line: the only kind of error a user ever reads."""


class LimnerError(Exception):
    """A failure that a person can act on: `what` names the thing, `remedy` says what to do.

    The command line prints it on one line and exits with 2; the service answers with `status`: 422 for what is wrong,
    and another where the same question may be right later, or from somebody else.
    """

    def __init__(self, what: str, remedy: str = "", status: int = 422) -> None:
        self.what, self.remedy, self.status = what, remedy, status
        super().__init__(f"{what}; {remedy}" if remedy else what)
