"""Who plays what: simulated readers, and the trouble that comes with some of them. Pure.

The words are those of docs/simulator.md; a reader's address is `<word>+<number>@…`, in a domain
reserved for examples, so that no person's address reaches the stage.
"""

from random import Random

DOMAIN = "rehearsal.example"
NOBODY = "reader"  # a part without trouble
HARD, SOFT, COMPLAINT = "bounce-noemail", "bounce-mailboxfull", "complain"
THROTTLED, DROPPED = "t429x1", "dropafterx1"
SHARES = ((HARD, 0.015), (SOFT, 0.005), (COMPLAINT, 0.0005))
ONE_OF_EACH_FROM = 50  # readers
_WAVE = 2  # "not now" in a row


def parts(readers: int, seed: int) -> list[str]:
    """The word of each reader's part, in order."""
    chance = Random(seed)
    found = [NOBODY] * readers
    if readers == 0:
        return found
    wave = chance.randrange(max(readers - _WAVE, 1))
    for place in range(wave, min(wave + _WAVE, readers)):
        found[place] = THROTTLED
    troubles = [word for word, share in SHARES for _one in range(_number(readers, share))]
    free = [place for place, word in enumerate(found) if word == NOBODY]
    chosen = chance.sample(free, min(len(free), len(troubles) + 1))
    for place, word in zip(chosen, [DROPPED, *troubles], strict=False):
        found[place] = word
    return found


def _number(readers: int, share: float) -> int:
    least = 1 if readers >= ONE_OF_EACH_FROM else 0
    return max(round(readers * share), least)


def address(word: str, number: int) -> str:
    return f"{word}+{number}@{DOMAIN}"
