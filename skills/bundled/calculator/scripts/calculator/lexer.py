"""Text to tokens. What has no token makes the whole question not understood."""

import re
import unicodedata
from fractions import Fraction

from calculator import words
from calculator.errors import NoResult, not_understood
from calculator.values import Number, make_day

MAX_CHARACTERS = 4000
MAX_TOKENS = 400
MAX_DIGITS = 200
MAX_EXPONENT = 1000

_MONTH = "(?P<month_name>" + "|".join(
    "%s(?:%s)?" % (name[:3], name[3:]) if name != "may" else name for name in words.MONTH_NAMES
).replace("sep(?:tember)", "sep(?:t(?:ember)?)") + r")\.?"
_DATES = [
    re.compile(r"(?P<year>[0-9]{4})(?P<mark>[-/.])(?P<month>[0-9]{1,2})(?P=mark)(?P<day>[0-9]{1,2})(?![-/.]?[0-9])"),
    re.compile(r"(?:(?P<year>[0-9]{4})\s*年\s*)?(?P<month>[0-9]{1,2})\s*月\s*(?P<day>[0-9]{1,2})\s*[日號号]?"),
    re.compile(_MONTH + r"\s+(?P<day>[0-9]{1,2})(?:st|nd|rd|th)?(?:,?\s+(?P<year>[0-9]{4}))?(?![0-9])"),
    re.compile(r"(?P<day>[0-9]{1,2})(?:st|nd|rd|th)?\s+" + _MONTH + r"(?:,?\s+(?P<year>[0-9]{4}))?(?![0-9a-z])"),
]
# Read as month-day by some and as day-month by others.
_AMBIGUOUS_DATE = re.compile(r"(?<![0-9/.-])[0-9]{1,2}([-/])[0-9]{1,2}\1[0-9]{4}(?![0-9/.-])")
_NUMBER = re.compile(
    r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?(?:e[-+]?[0-9]+(?![a-z0-9]))?"
    r"|\.[0-9]+"
)
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")
_OPERATOR = re.compile(r"\*\*|//|[-+*/^%()√]")
_PUNCTUATION = re.compile(r"[,、;:?.。=\"“”「」`]")
_SPELLINGS = str.maketrans(
    {"×": "*", "✕": "*", "⋅": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "—": "-", "²": "^2", "³": "^3",
     "（": "(", "）": ")", "’": "'", "₂": "?"}
)


class Token:
    """`kind` is what the grammar asks for; `value` a Number or a date, `text` how it is shown."""

    def __init__(self, kind, text, value=None):
        self.kind = kind
        self.text = text
        self.value = value


class PartialDay:
    """A month and a day whose year another date of the question gives."""

    def __init__(self, month, day):
        self.month = month
        self.day = day


def tokens_of(text):
    if len(text) > MAX_CHARACTERS:
        raise NoResult("too_long")
    text = text.translate(_SPELLINGS)
    # Compatibility folding makes 2 of a circled or a raised 2: only what is left may be folded.
    if any(unicodedata.category(character) == "No" for character in text):
        raise not_understood()
    text = unicodedata.normalize("NFKC", text).lower()
    tokens = []
    currencies = set()
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        token, position = _token_at(text, position)
        if token.kind in words.CURRENCIES:
            currencies.add(token.kind)
            tokens.append(token)
        elif token.kind != "FILLER":
            tokens.append(token)
        if len(tokens) > MAX_TOKENS:
            raise NoResult("too_long")
    _check_currencies(currencies)
    return _without_currencies(tokens)


def _token_at(text, position):
    for pattern in _DATES:
        match = pattern.match(text, position)
        if match:
            return _date(match), match.end()
    if _AMBIGUOUS_DATE.match(text, position):
        raise NoResult("no_such_date")
    match = _NUMBER.match(text, position)
    if match:
        return _number(text, match)
    for symbol, kind in words.SYMBOLS.items():
        if text.startswith(symbol, position):
            return Token(kind, symbol), position + len(symbol)
    match = _OPERATOR.match(text, position)
    if match:
        symbol = match.group()
        return Token("^" if symbol == "**" else symbol, symbol), match.end()
    match = _WORD.match(text, position)
    if match:
        # The "is" in "what's" changes nothing: every form takes it or leaves it.
        kind = words.LATIN.get(match.group().partition("'")[0])
        if kind is None:
            raise not_understood()
        return Token(kind, match.group()), match.end()
    for length in range(words.MAX_HAN, 0, -1):
        word = text[position : position + length]
        if len(word) == length and word in words.HAN:
            return Token(words.HAN[word], word), position + length
    match = _PUNCTUATION.match(text, position)
    if match:
        return Token("," if match.group() in ",、" else "PUNCT", match.group()), match.end()
    raise not_understood()


def _date(match):
    parts = match.groupdict()
    name = parts.get("month_name")
    if name:
        month = [known[:3] for known in words.MONTH_NAMES].index(name[:3]) + 1
    else:
        month = int(parts["month"])
    day = int(parts["day"])
    if parts["year"] is None:
        return Token("DATE", "", PartialDay(month, day))
    return Token("DATE", "", make_day(int(parts["year"]), month, day))


def _number(text, match):
    written = match.group()
    end = match.end()
    if len(written) > MAX_DIGITS:
        raise NoResult("too_large")
    # 1.2.3 is a version and 12abc a code: neither is a number.
    if re.match(r"\.[0-9]", text[end : end + 2]):
        raise not_understood()
    exponent = written.partition("e")[2]
    if len(exponent) > 5 or abs(int(exponent or "0")) > MAX_EXPONENT:
        raise NoResult("too_large")
    return Token("NUM", written, Number(Fraction(written.replace(",", "")))), end


def _check_currencies(kinds):
    """One currency may be written in several ways; two make the sum meaningless."""
    named = kinds - {"MONEY", "$", "¥"}
    dollars = named & {"USD", "TWD", "HKD"}
    yuan = named & {"CNY", "JPY"}
    mixed = len(named) > 1 or {"$", "¥"} <= kinds
    if "$" in kinds and named - dollars or "¥" in kinds and named - yuan:
        mixed = True
    if mixed:
        raise NoResult("mixed_currencies")


def _without_currencies(tokens):
    """Amounts become numbers. A currency that stands beside no number is not understood."""
    kept = []
    for index, token in enumerate(tokens):
        if token.kind not in words.CURRENCIES:
            kept.append(token)
            continue
        after = tokens[index + 1].kind if index + 1 < len(tokens) else None
        before = tokens[index - 1].kind if index > 0 else None
        amounts = {"NUM", "WHATQ", "MANY", ")"} | set(words.MULTIPLIERS)
        if after != "NUM" and before not in amounts | words.CURRENCIES:
            raise not_understood()
    return kept
