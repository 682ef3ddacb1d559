"""`springtide account`: a person's way back in, for whoever runs the installation."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from springtide.bootstrap import House
    from springtide.domain.access.model import Actor

app = typer.Typer(
    no_args_is_help=True,
    help="A person's account: a new password, a lost second factor; needs no mail server.\n\n"
    "Example: `springtide account reset-password mei@example.com`",
)

Address = Annotated[str, typer.Argument(help="E-mail address of the person.")]


@app.command("reset-password")
def reset_password(
    email: Address,
    from_stdin: Annotated[
        bool, typer.Option("--stdin", help="Read the new password from standard input instead.")
    ] = False,
) -> None:
    """Print a link with which the person chooses a new password, or set one from standard input.

    The link works once, for thirty minutes. A new password logs the person out everywhere.
    """
    import sys

    from springtide.domain.access import operations
    from springtide.flows.people.letters import recovery_link
    from springtide.kit.errors import NotFound

    with _opened() as house:
        if from_stdin:
            person = operations.reset_password(
                house.db,
                email=email,
                password=sys.stdin.readline().rstrip("\r\n"),
                actor=_actor(),
                now=house.real_now(),
            )
            print(f"{person.email} has a new password and is logged out everywhere.")
            return
        with house.db.write() as tx:
            begun = operations.begin_recovery(tx, email=email, now=house.real_now(), actor=_actor())
        if begun is None:
            raise NotFound(what="person", key=email[:254])
        person, token = begun
        print(
            f"Link for {person.email}, shown only now, good once within "
            f"{operations.RECOVERY_MINUTES} minutes: {recovery_link(house, token)}"
        )


@app.command("remove-factors")
def remove_factors(email: Address) -> None:
    """Take every second factor and recovery code off a person who lost them.

    The password alone logs the person in after that; every device is logged out.
    """
    from springtide.domain.access import operations, queries
    from springtide.flows.people import letters

    with _opened() as house:
        now = house.real_now()
        with house.db.write() as tx:
            person = queries.person_by_email(tx, email=email)
            count = operations.remove_all_factors(tx, person=person, actor=_actor(), now=now)
        letters.notify(
            house, house.post, person, "factor_removed", address="springtide account", now=now
        )
        print(f"{person.email} had {count} second factors and has none.")


def _opened() -> "AbstractContextManager[House]":
    from contextlib import contextmanager

    from springtide.bootstrap import open_house
    from springtide.settings import read_settings

    @contextmanager
    def opened() -> "Iterator[House]":
        house = open_house(read_settings())
        try:
            yield house
        finally:
            house.close()

    return opened()


def _actor() -> "Actor":
    from springtide.domain.access.model import Actor

    return Actor("command", "account", "springtide account")
