"""What is noise rather than a message: emoji alone, or a greeting and nothing else, in German and English.

Careful by intent: whatever is not recognised as a whole is a message. A name, a place, a number, a question mark, or a
sign somebody may need help by makes it one. Pure; what becomes of noise is desk.wall.mood's matter.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

from desk.wall.rules import fold

GREETING = "hello"  # instead of an emoji, where there are only words
LONGEST_TEXT = 300
LONGEST_SIGN = 32
MOST_WORDS = 9

JOINER, KEEPS_COLOUR, KEEPS_PLAIN = "\u200d", "\ufe0f", "\ufe0e"
BLOCKS = (
    (0x2300, 0x23FF), (0x2600, 0x27BF), (0x2B00, 0x2BFF), (0x1F000, 0x1F0FF), (0x1F1E6, 0x1F1FF), (0x1F200, 0x1F64F),
    (0x1F680, 0x1F6FF), (0x1F7E0, 0x1F7EB), (0x1F900, 0x1F9FF), (0x1FA70, 0x1FAFF),
)  # fmt: skip
FLAGS, TONES, TAGS = (0x1F1E6, 0x1F1FF), (0x1F3FB, 0x1F3FF), (0xE0020, 0xE007F)
PLAIN_SYMBOLS_END = 0x2BFF  # signs of older blocks are drawn in colour only where this is asked for
# somebody may need help, threaten or insult: people look at these
LOOKED_AT = frozenset("🆘🚨🚑🚒🚓🔥🔪🔫🗡💣🧨🪓🖕☠⚰⛔📞☎")
EMOTICONS = {
    ":)": "🙂", ":-)": "🙂", "(:": "🙂", "^^": "🙂", ":d": "😀", ":-d": "😀", "=)": "🙂", ";)": "😉", ";-)": "😉",
    ":(": "🙁", ":-(": "🙁", ":*": "😘", ":-*": "😘", "<3": "❤️", "xd": "😂",
}  # fmt: skip
SIGNS = frozenset(".,!…~*_-–—'’`´\"„“”()\u203c\u200b")


def _phrases(*lines: str) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(_plain(phrase)) for line in lines for phrase in line.split("|"))


def _plain(words: str) -> list[str]:
    """Words as they are compared: folded, without signs, letters that were drawn out once."""
    bare = "".join(" " if sign in "-–—" else sign for sign in fold(words) if sign not in SIGNS or sign in "-–—")
    return [re.sub(r"(\w)\1{2,}", r"\1", word) for word in bare.split()]


GREETINGS = _phrases(
    "hallo|halloo|hallöchen|hallihallo|halli hallo|hallole|huhu|hi|hii|hey|heyy|heyho|hey ho|hi ho|na|hej|ahoi|salut",
    "moin|moin moin|moinmoin|moinsen|mojn|servus|tach|tachchen|gude|ei gude|gude morsche|glück auf|mahlzeit|grüezi",
    "grüß gott|grüss gott|grüß dich|grüß euch|grüßt euch|griaß di|grias di|griaß eich|griaß eana|habe die ehre",
    "guten morgen|gutn morgen|guten morgääähn|guadn morgen|guad morgn|juten morjen|gumo|schönen morgen",
    "einen guten morgen",
    "guten tag|guten abend|guten nachmittag|gute nacht|nabend|n abend|schönen abend|guten start|guten start in den tag",
    "guten start in die woche|guten start ins wochenende|schönen tag|schönen tag noch|einen schönen tag|schöne woche",
    "schönes wochenende|schönen sonntag|schönen feierabend|schönen montag|schönen freitag|schöne pause",
    "hab einen schönen tag",
    "liebe grüße|viele grüße|schöne grüße|herzliche grüße|beste grüße|lieben gruß|schönen gruß|gruß|grüße|lg|vg|glg",
    "willkommen zurück|ich grüße alle|ich grüße euch|ich grüße euch alle|seid gegrüßt|sonnige grüße|erster",
    "hello|hello hello|hiya|howdy|good morning|morning|mornin|good afternoon|good evening|good night|goodnight",
    "good day",
    "g morning|gmorning|greetings|top of the morning|happy monday|happy friday|have a nice day|have a great day|first",
    "best wishes|kind regards|best regards|hey there|hi there|hello there|what a lovely morning|sup|yo",
)
# greetings only beside another word of one: "Morgen" alone may be an answer
WEAK = _phrases("morgen|tag|abend|nacht|moje|day")
TO_ALL = _phrases(
    "zusammen|alle|allen|an alle|an euch alle|an euch|euch|euch allen|allerseits|miteinander|leute|ihr",
    "ihr lieben|ihr alle",
    "liebes team|liebe leute|lieber|liebe|ihr beiden|in die runde|ins studio|ans team|team|liebe hörer|an alle hörer",
    "und|schönen|wunderschönen|einen|einen schönen|einen wunderschönen|nen|wünsche ich|wünsch ich|ich wünsche|wünsche",
    "wünschen wir|wir wünschen|all|everyone|everybody|every one|to all|to everyone|to you all|you all|yall|folks|guys",
    "friends|dear team|and|a very|very|from me|von mir|von uns|heute|allseits|mal wieder|erstmal",
)
LONGEST_PHRASE = max(len(phrase) for phrase in GREETINGS | WEAK | TO_ALL)


def sign_of(text: str) -> str | None:
    """What a text counts as: its most frequent emoji, GREETING, or None for a message that people have to read.

    >>> sign_of("😂😂❤️"), sign_of("Moin zusammen!"), sign_of("Moin, grüßt Oma Helga")
    ('😂', 'hello', None)
    """
    if len(text) > LONGEST_TEXT:
        return None
    emoji, rest = split(" ".join(EMOTICONS.get(word.lower(), word) for word in text.split()))
    if any(sign[0] in LOOKED_AT for sign in emoji):
        return None
    if not all(sign.isspace() or sign in SIGNS or unicodedata.category(sign)[0] in "LM" for sign in rest):
        return None
    words = _plain(rest)
    if words:
        return GREETING if is_greeting(words) else None
    return most_frequent(emoji)


def most_frequent(emoji: Iterable[str]) -> str | None:
    """The first of those that occur most often."""
    counted = Counter(emoji)
    return max(counted, key=lambda sign: counted[sign]) if counted else None


def is_greeting(words: list[str]) -> bool:
    """Whether these words are greetings and whom they are for, wholly, and at least one greeting is among them."""
    if len(words) > MOST_WORDS:
        return False
    greetings = weak = at = 0
    while at < len(words):
        taken = _longest(words[at:])
        if not taken:
            return False
        greetings += taken in GREETINGS
        weak += taken in WEAK and taken not in GREETINGS
        at += len(taken)
    return greetings > 0 or (weak > 0 and len(words) > 1)


def _longest(words: list[str]) -> tuple[str, ...]:
    """The longest phrase these words begin with."""
    for length in range(min(LONGEST_PHRASE, len(words)), 0, -1):
        phrase = tuple(words[:length])
        if phrase in GREETINGS or phrase in WEAK or phrase in TO_ALL:
            return phrase
    return ()


def split(text: str) -> tuple[list[str], str]:
    """The emoji of a text, each as it is counted (without the colour of skin), and what is left of it."""
    emoji: list[str] = []
    rest: list[str] = []
    at = 0
    while at < len(text):
        if not _is_emoji(text[at]):
            if text[at] not in (KEEPS_COLOUR, KEEPS_PLAIN, JOINER):
                rest.append(text[at])
            at += 1
            continue
        end = _end_of(text, at)
        emoji.append(_counted(text[at:end]))
        at = end
    return emoji, "".join(rest)


def canonical(emoji: str) -> str:
    """A reaction as it is counted: one emoji, whichever colour of skin and way of writing it came in."""
    found, _rest = split(emoji)
    return found[0] if found else emoji.strip()[:LONGEST_SIGN]


def _is_emoji(sign: str) -> bool:
    return any(first <= ord(sign) <= last for first, last in BLOCKS)


def _is_in(sign: str, block: tuple[int, int]) -> bool:
    return block[0] <= ord(sign) <= block[1]


def _end_of(text: str, at: int) -> int:
    """One past the emoji that begins here, with what belongs to it: colours, joined ones, the second half of a flag."""
    end = at + 1
    if _is_in(text[at], FLAGS) and end < len(text) and _is_in(text[end], FLAGS):
        return end + 1
    while end < len(text):
        sign = text[end]
        if sign == JOINER and end + 1 < len(text) and _is_emoji(text[end + 1]):
            end += 2
        elif sign in (KEEPS_COLOUR, KEEPS_PLAIN) or _is_in(sign, TONES) or _is_in(sign, TAGS):
            end += 1
        else:
            break
    return end


def _counted(emoji: str) -> str:
    """One way of writing for one emoji."""
    bare = [sign for sign in emoji if sign not in (KEEPS_COLOUR, KEEPS_PLAIN) and not _is_in(sign, TONES)]
    bare = bare or [emoji[0]]
    joined = "".join(sign + (KEEPS_COLOUR if 0x2300 <= ord(sign) <= PLAIN_SYMBOLS_END else "") for sign in bare)
    return joined if len(joined) <= LONGEST_SIGN else bare[0]
