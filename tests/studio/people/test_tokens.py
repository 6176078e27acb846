"""A token speaks in somebody's name, for what it says and no more, until it is revoked."""

import pytest
from persons import joined
from studios import Studio

from limner.errors import LimnerError
from limner.studio.people.person import OPERATOR, promote
from limner.studio.people.tokens import MOST, Scope, Tokens
from limner.studio.register import Role


def test_a_token_is_good_for_what_it_says(studio: Studio) -> None:
    tokens, ada = Tokens(studio.database), joined(studio, "ada")
    token = tokens.make(ada, "my notebook", [Scope.DRAW])
    assert token.startswith("limner_")
    assert tokens.who(token, Scope.DRAW) == ada
    assert tokens.who(token, Scope.SERVE) is tokens.who(token[:-1], Scope.DRAW) is tokens.who("", Scope.DRAW) is None
    assert [(each.name, each.scopes) for each in tokens.mine(ada)] == [("my notebook", (Scope.DRAW,))]


def test_only_an_instructor_s_worker_may_serve(studio: Studio) -> None:
    tokens, ada, eve = Tokens(studio.database), joined(studio, "ada"), joined(studio, "eve", Role.INSTRUCTOR)
    with pytest.raises(LimnerError, match="only an instructor"):
        tokens.make(ada, "a worker", [Scope.DRAW, Scope.SERVE])
    token = tokens.make(eve, "a worker", [Scope.SERVE])
    assert tokens.who(token, Scope.SERVE) == eve
    assert tokens.who(token, Scope.DRAW) is None
    promote(studio.database, eve, ada.id, Role.INSTRUCTOR)
    promote(studio.database, OPERATOR, eve.id, Role.ASSISTANT)
    assert tokens.who(token, Scope.SERVE) is None  # what it said is more than she may now


def test_a_token_is_revoked_by_its_owner_or_an_instructor(studio: Studio) -> None:
    tokens, ada, bob = Tokens(studio.database), joined(studio, "ada"), joined(studio, "bob")
    first, second = (tokens.make(ada, name, [Scope.DRAW]) for name in ("first", "second"))
    with pytest.raises(LimnerError, match="only an instructor"):
        tokens.revoke(bob, ada.id, "first")
    with pytest.raises(LimnerError, match="there is no token 'third'"):
        tokens.revoke(ada, ada.id, "third")
    tokens.revoke(ada, ada.id, "first")
    assert tokens.who(first, Scope.DRAW) is None
    assert tokens.who(second, Scope.DRAW) == ada
    tokens.revoke(OPERATOR, ada.mail, "second")
    assert tokens.mine(ada) == []


def test_a_token_has_a_name_of_its_own_and_there_are_not_too_many(studio: Studio) -> None:
    tokens, ada = Tokens(studio.database), joined(studio, "ada")
    for name, scopes in (("", [Scope.DRAW]), ("x" * 201, [Scope.DRAW]), ("a\0", [Scope.DRAW]), ("mine", [])):
        with pytest.raises(LimnerError, match="needs a name and something to be good for"):
            tokens.make(ada, name, scopes)
    for number in range(MOST):
        tokens.make(ada, f"number {number}", [Scope.DRAW])
    with pytest.raises(LimnerError, match="you have a token 'number 3' already"):
        tokens.make(ada, "number 3", [Scope.DRAW])
    with pytest.raises(LimnerError, match=f"you have {MOST} tokens"):
        tokens.make(ada, "one more", [Scope.DRAW])
