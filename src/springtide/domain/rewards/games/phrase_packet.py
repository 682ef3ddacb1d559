"""密令红包: a packet for those who know the phrase; shown with the products it is for."""

import unicodedata
from datetime import timedelta
from typing import Annotated, ClassVar

from springtide.domain.ledger.batch import Batch
from springtide.domain.rewards.games.packet import Packet
from springtide.domain.rewards.model import Attempt, Played, Reward, Terms, unit
from springtide.kit.errors import N_, Refusal
from springtide.kit.text import TextMissing, text_problem

PHRASE_LENGTH_MAX = 60
HEROES_MAX = 20


class WrongPhrase(Refusal):
    """Not the phrase."""

    code = "phrase_wrong"
    status = 409
    text = N_("That is not the phrase.")


class PhrasePacket(
    Packet, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True
):
    """A packet behind a phrase, and the hero products that stand beside it."""

    kind: ClassVar[str] = "phrase_packet"
    title: ClassVar[str] = N_("Phrase packet")
    about: ClassVar[str] = N_("A red packet for those who type the phrase, beside its products.")
    lasts: ClassVar[timedelta] = timedelta(0)
    in_pieces: ClassVar[bool] = False
    repeats: ClassVar[bool] = False

    phrase: Annotated[str, unit(N_("Phrase"), "text")]
    products: Annotated[tuple[str, ...], unit(N_("Shown with it"), "products")] = ()

    def problems(self, terms: Terms) -> dict[str, Refusal]:
        """Refuse a phrase that nobody can say, too."""
        wrong = super().problems(terms)
        problem = text_problem(self.phrase, length_max=PHRASE_LENGTH_MAX, is_needed=True)
        if problem or not spelled(self.phrase):
            wrong["phrase"] = problem or TextMissing()
        return wrong

    def play(self, reward: Reward, attempt: Attempt, claim_key: str, batch: Batch) -> Played:
        """Give the next share to those who know the phrase."""
        if spelled(attempt.phrase or "") != spelled(self.phrase):
            raise WrongPhrase
        return super().play(reward, attempt, claim_key, batch)


def spelled(phrase: str) -> str:
    """Return a phrase without what people type in different ways.

    Full and half width, capitals, spaces and punctuation make no difference.

    >>> spelled(" 大潮ＬＡＩ了！") == spelled("大潮 lai 了")
    True
    """
    plain = unicodedata.normalize("NFKC", phrase).casefold()
    return "".join(letter for letter in plain if letter.isalnum())
