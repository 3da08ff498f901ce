"""Whole questions: an expression, or one of the ways to ask for one in words.

Every form sees all tokens and must account for each of them. A form gives a Result whose text is
mathematics, not language, so that it shows every reader how the question was understood.
"""

from fractions import Fraction

from calculator import values, words
from calculator.errors import NoResult, not_understood
from calculator.lexer import PartialDay, tokens_of
from calculator.parser import Parser
from calculator.values import Day, Number, Percent

# Words that ask without saying what: allowed before and after an expression.
_LEAD = ("WHAT", "WHATQ", "IS", "HOW", "MUCH", "MANY", "DATEWORD", "PUNCT", ",")
_TAIL = _LEAD
# These ask for a date or its weekday, so the expression must be a date.
_DATE_LEAD = ("DAY", "WEEKDAY", "OF", "WEEK")
_DATE_TAIL = ("WEEKDAYQ", "DAY", "WEEKDAY")
_BETWEEN_WORDS = {"WHAT", "WHATQ", "IS", "HOW", "MANY", "MUCH", "FROM", "TO", "AND", "BETWEEN",
                  "DIFFERENCE", "OF", "OF_", "PUNCT", ","}


class Result:
    """`sign` stands between text and value; with a `unit`, the value is a pair of dates."""

    def __init__(self, text, value, sign="=", unit=None):
        self.text = text
        self.value = value
        self.sign = sign
        self.unit = unit


def understand(text):
    tokens = tokens_of(text)
    while tokens and tokens[-1].kind in ("PUNCT", ","):
        tokens.pop()
    # "use it to …": nothing can go to what has not begun.
    while tokens and tokens[0].kind in ("PUNCT", ",", "TO"):
        tokens.pop(0)
    refusal = not_understood()
    for form in _FORMS:
        parser = Parser(tokens)
        try:
            result = form(parser)
            if result is not None and parser.kind() == "END":
                return result
        except NoResult as problem:
            if problem.reason not in ("not_understood", "needs_year"):
                raise
            if problem.reason == "needs_year":
                refusal = problem
    raise refusal


def _skip(parser, kinds):
    seen = set()
    while parser.kind() in kinds:
        seen.add(parser.take().kind)
    return seen


def _time_between(parser):
    """Two dates, a word that links them, and no word that could mean anything else."""
    tokens = parser.tokens
    dates = [token.value for token in tokens if token.kind == "DATE"]
    others = [token.kind for token in tokens if token.kind != "DATE"]
    units = {kind for kind in others if kind in words.UNITS}
    links = {"TO", "AND", "BETWEEN", "FROM"} & set(others)
    if len(dates) != 2 or not links or len(units) > 1 or not set(others) <= _BETWEEN_WORDS | units:
        return None
    first, second = dates
    if isinstance(first, PartialDay):
        raise NoResult("needs_year")
    if isinstance(second, PartialDay):
        candidate = values.make_day(first.date.year, second.month, second.day)
        if candidate.date < first.date:
            candidate = values.make_day(first.date.year + 1, second.month, second.day)
        second = candidate
    if "TO" not in links and second.date < first.date:
        first, second = second, first  # What lies "between" two dates has no direction.
    parser.position = len(tokens)
    text = "%s → %s" % (first.date.isoformat(), second.date.isoformat())
    return Result(text, (first.date, second.date), ":", (units or {"DAY"}).pop())


def _what_percent(parser):
    _skip(parser, ("PUNCT",))
    if parser.accept("WHAT", "PERCENT") or parser.accept("HOW", "MANY", "PERCENT"):
        if parser.accept("OF"):
            whole = parser.sum()
            parser.expect("IS")
            part = parser.sum()
        else:
            parser.expect("IS")
            part = parser.sum()
            parser.expect("OF")
            whole = parser.sum()
        return _share(part, whole)
    _skip(parser, ("WHAT", "IS"))
    first = parser.sum()
    if parser.accept("OF_", "PERCENTQ"):
        parser.expect("IS")
        return _share(parser.sum(), first)
    if parser.accept("AS", "PERCENT", "OF"):
        return _share(first, parser.sum())
    parser.expect("IS")
    if parser.accept("WHAT", "PERCENT", "OF"):
        return _share(first, parser.sum())
    whole = parser.sum()
    parser.expect("OF_", "PERCENTQ")
    return _share(first, whole)


def _share(part, whole):
    if not values.is_plain(part.value) or not values.is_plain(whole.value):
        raise not_understood()
    ratio = values.divide(part.value, whole.value)
    return Result(_term(part) + " ÷ " + _factor(whole), Percent(ratio.value, ratio.exact))


def _whole_of_share(parser):
    """`40.8 is 12% of what`, `40.8 是多少的 12%`, `12% of what is 40.8`."""
    part = parser.sum()
    if isinstance(part.value, Percent) and parser.accept("OF", "WHAT"):
        share = part
        parser.expect("IS")
        part = parser.sum()
    else:
        parser.expect("IS")
        if parser.accept("WHATQ", "OF_"):
            share = parser.sum()
        else:
            share = parser.sum()
            parser.expect("OF", "WHAT")
            _skip(parser, ("MANY",))
    if not isinstance(share.value, Percent):
        raise not_understood()
    whole = values.divide(Number(part.value.value, part.value.exact), share.value)
    return Result(_term(part) + " ÷ " + _factor(share), whole)


def _change(parser):
    """From one value to another, in percent of the first."""
    _skip(parser, ("WHAT", "IS", "HOW", "MUCH"))
    asked = parser.accept("PERCENT")
    asked = parser.accept_any("CHANGE", "INCREASE", "DECREASE") is not None or asked
    parser.accept_any("OF")
    parser.expect("FROM")
    first = parser.sum()
    parser.expect("TO")
    second = parser.sum()
    _skip(parser, ("IS",))
    asked = parser.accept_any("CHANGE", "INCREASE", "DECREASE") is not None or asked
    _skip(parser, ("OF_", "IS"))
    asked = parser.accept_any("PERCENTQ") is not None or asked
    parser.accept("WHATQ")
    if not asked or not (values.is_plain(first.value) and values.is_plain(second.value)):
        raise not_understood()
    ratio = values.divide(values.subtract(second.value, Number(first.value.value)), first.value)
    return Result("%s → %s" % (first.text, second.text), Percent(ratio.value, ratio.exact), "±")


def _command(parser):
    """`increase 80 by 15%`, `add 5 to 6`, `subtract 5 from 6`, `divide 6 by 5`."""
    verb = parser.accept_any("INCREASE", "DECREASE", "ADD", "SUBTRACT", "MULTIPLY", "DIVIDE")
    if verb is None:
        return None
    first = parser.sum()
    if verb == "SUBTRACT":
        parser.expect("FROM")
        second = parser.sum()
        return Result(_term(second) + " - " + _factor(first), values.subtract(second.value, first.value))
    if verb == "ADD":
        if parser.accept_any("TO", "AND", ",") is None:
            raise not_understood()
        second = parser.sum()
        if isinstance(first.value, Percent) or isinstance(first.value, values.Span):
            first, second = second, first
        return Result(first.text + " + " + _factor(second), values.add(first.value, second.value))
    if parser.accept_any(*(("BY", "AND") if verb == "MULTIPLY" else ("BY",))) is None:
        raise not_understood()
    second = parser.sum()
    operation, mark = {
        "INCREASE": (values.add, " + "),
        "DECREASE": (values.subtract, " - "),
        "MULTIPLY": (values.multiply, " × "),
        "DIVIDE": (values.divide, " ÷ "),
    }[verb]
    return Result(_factor(first) + mark + _factor(second), operation(first.value, second.value))


def _discount(parser):
    """`20% off 340`, `340 with 20% off`."""
    _skip(parser, ("WHAT", "IS", "HOW", "MUCH"))
    first = parser.sum()
    if isinstance(first.value, Percent):
        parser.expect("OFF")
        parser.accept_any("OF", "FROM")
        share, price = first, parser.sum()
    else:
        price, share = first, parser.atom()
        parser.expect("OFF")
        if not isinstance(share.value, Percent):
            raise not_understood()
    return Result(_factor(price) + " - " + share.text, values.subtract(price.value, share.value))


def _list(parser):
    """`sum of 3, 4 and 5`, `3、4、5 的平均`."""
    _skip(parser, _LEAD)
    word = parser.accept_any("SUM", "AVERAGE", "PRODUCT", "DIFFERENCE")
    if word is not None and parser.accept_any("OF", "BETWEEN") is None:
        raise not_understood()
    items = [parser.sum()]
    while parser.accept(",", "AND") or parser.accept_any(",", "AND"):
        items.append(parser.sum())
    if word is None:
        parser.accept("OF_")
        word = parser.accept_any("SUM", "AVERAGE")
    _skip(parser, _TAIL)
    # A single item may be a list that was written like a number, `100,200`.
    if word is None or len(items) < 2 or not all(values.is_plain(item.value) for item in items):
        raise not_understood()
    # In a list a percentage is a number like the others, not a share of the one before it.
    numbers = [Number(item.value.value, item.value.exact) for item in items]
    texts = [_factor(item) for item in items]
    if word == "DIFFERENCE":
        if len(items) != 2:
            raise not_understood()
        return Result(" - ".join(texts), values.subtract(*numbers))
    total = numbers[0]
    for number in numbers[1:]:
        total = (values.multiply if word == "PRODUCT" else values.add)(total, number)
    if word == "PRODUCT":
        return Result(" × ".join(texts), total)
    if word == "SUM":
        return Result(" + ".join(texts), total)
    mean = values.divide(total, Number(Fraction(len(numbers))))
    return Result("(%s) ÷ %d" % (" + ".join(texts), len(numbers)), mean)


def _expression(parser):
    seen = _skip(parser, _LEAD + _DATE_LEAD)
    part = parser.sum()
    seen |= _skip(parser, _TAIL + _DATE_TAIL)
    if seen & set(_DATE_LEAD + _DATE_TAIL) and not isinstance(part.value, Day):
        raise not_understood()
    return Result(part.text, part.value)


def _term(part):
    return "(%s)" % part.text if " + " in part.text or " - " in part.text else part.text


def _factor(part):
    return "(%s)" % part.text if " " in part.text and not part.text.startswith("{") else part.text


_FORMS = (_time_between, _expression, _what_percent, _whole_of_share, _change, _command, _discount, _list)
