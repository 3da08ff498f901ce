"""Expressions: from tokens straight to values, by recursive descent.

    sum    := term (("+" | "-" | increased by | decreased by) term)*    dates take spans here
    term   := sign (("*" | "/" | "//" | mod | of) sign)*
    sign   := ("-" | "+")* power
    power  := atom ["^" sign]                                          right-associative
    atom   := number ["%" | unit] | date | "(" sum ")" | root

Each rule gives a Part: the value, and the text that shows how it was understood.
"""

from fractions import Fraction

from calculator import values, words
from calculator.errors import NoResult, not_understood
from calculator.lexer import PartialDay
from calculator.values import Day, Number, Percent, Span

MAX_DEPTH = 50
_PER_UNIT = {"DAY": (0, 1), "WEEK": (0, 7), "MONTH": (1, 0), "YEAR": (12, 0)}


class Part:
    def __init__(self, value, text):
        self.value = value
        self.text = text


class Parser:
    def __init__(self, tokens):
        self.tokens = tokens
        self.position = 0
        self.depth = 0

    def kind(self, ahead=0):
        index = self.position + ahead
        return self.tokens[index].kind if index < len(self.tokens) else "END"

    def take(self):
        token = self.tokens[self.position]
        self.position += 1
        return token

    def accept(self, *kinds):
        """Takes these tokens in this order, or none of them."""
        if all(self.kind(ahead) == kind for ahead, kind in enumerate(kinds)):
            self.position += len(kinds)
            return True
        return False

    def expect(self, *kinds):
        if not self.accept(*kinds):
            raise not_understood()

    def accept_any(self, *kinds):
        return self.take().kind if self.kind() in kinds else None

    def sum(self):
        left = self.term()
        while True:
            if isinstance(left.value, (Day, Span)):
                moved = self._moved(left)
                if moved is not None:
                    left = moved
                    continue
            if self.accept_any("+", "ADD") or self._changes("INCREASE"):
                right = self.term()
                left = Part(values.add(left.value, right.value), left.text + " + " + right.text)
            elif self.accept("-") or self._changes("DECREASE"):
                right = self.term()
                left = Part(values.subtract(left.value, right.value), left.text + " - " + right.text)
            elif self.accept("DISCOUNT"):
                left = self._discount(left)
            else:
                return left

    def _changes(self, kind):
        """`80 increased by 15%`; a question word behind it asks for a percentage instead."""
        if self.kind() != kind or self.kind(1) in ("PERCENTQ", "WHATQ", "END", "FROM", "PUNCT"):
            return False
        self.take()
        self.accept("BY")
        return True

    def _discount(self, left):
        """Chinese discounts name what is left to pay, in tenths or hundredths."""
        token = self.take() if self.kind() == "NUM" else None
        self.expect("ZHE")
        if token is None or not values.is_plain(left.value) or not 0 < token.value.value < 100:
            raise not_understood()
        number = token.value.value
        share = Number(number / (10 if number < 10 else 100))
        shown = "%g" % float(share.value)
        return Part(values.multiply(left.value, share), _group(left) + " × " + shown)

    def _moved(self, left):
        """A date some time later or earlier, or None: `45 days after D`, `D 的 45 天後`, `D 之後 45 天`."""
        if isinstance(left.value, Span):
            if self.kind() not in ("AFTER", "BEFORE", "FROM") or self.kind(1) != "DATE":
                return None
            sign = -1 if self.take().kind == "BEFORE" else 1
            return self._shifted(self.term(), left, sign)
        if self.kind() in ("AFTER", "BEFORE") and self.kind(1) == "NUM":
            sign = -1 if self.take().kind == "BEFORE" else 1
            return self._shifted(left, self.term(), sign)
        skip = 1 if self.kind() == "OF_" else 0
        if self.kind(skip) == "NUM" and self.kind(skip + 1) in words.UNITS:
            self.position += skip
            span = self.term()
            word = self.accept_any("AFTER", "BEFORE")
            if word is None:
                raise not_understood()
            return self._shifted(left, span, -1 if word == "BEFORE" else 1)
        return None

    def _shifted(self, day, span, sign):
        if not (isinstance(day.value, Day) and isinstance(span.value, Span)):
            raise not_understood()
        mark = " + " if sign > 0 else " - "
        return Part(values.add(day.value, span.value, sign), day.text + mark + span.text)

    def term(self):
        left = self.sign()
        while True:
            if self.accept("*") or self.accept("MULTIPLIED", "BY"):
                left = self._binary(values.multiply, left, " × ")
            elif self.accept("/") or self.accept("DIVIDED", "BY"):
                left = self._binary(values.divide, left, " ÷ ")
            elif self.accept("//"):
                left = self._binary(values.floor_divide, left, " // ")
            elif self.accept("MOD") or self.accept("%"):
                left = self._binary(values.remainder, left, " mod ")
            elif self.kind() == "OF" and isinstance(left.value, Percent) and self.kind(1) != "WHAT":
                self.take()
                left = self._binary(values.multiply, left, " of ")
            elif self.kind() == "OF_" and values.is_plain(left.value):
                part = self._possessed(left)
                if part is None:
                    return left
                left = part
            else:
                return left

    def _binary(self, operation, left, mark):
        right = self.sign()
        return Part(operation(left.value, right.value), left.text + mark + right.text)

    def _possessed(self, left):
        """`340 的 12%`, `9 的平方根`, `2 的 10 次方`, `80 的一半`; None for any other 的."""
        start = self.position
        self.take()
        if self.accept("ROOTOF"):
            return Part(values.root(left.value), "√" + _group(left))
        if self.accept("SQUAREDOF"):
            return Part(values.power(left.value, Number(Fraction(2))), _group(left) + "^2")
        if self.accept("CUBEDOF"):
            return Part(values.power(left.value, Number(Fraction(3))), _group(left) + "^3")
        if self.accept("HALF"):
            return Part(values.divide(left.value, Number(Fraction(2))), _group(left) + " ÷ 2")
        if self.kind() in ("NUM", "PERCENTOF"):
            right = self.atom()
            if self.accept("POWEROF"):
                power = values.power(left.value, right.value)
                return Part(power, _group(left) + "^" + right.text)
            if isinstance(right.value, Percent):
                return Part(values.multiply(left.value, right.value), left.text + " × " + right.text)
        self.position = start
        return None

    def sign(self):
        self._enter()
        if self.accept("-"):
            inner = self.sign()
            part = Part(values.negate(inner.value), "-" + inner.text)
        elif self.accept("+"):
            part = self.sign()
        else:
            part = self.power()
        self.depth -= 1
        return part

    def power(self):
        base = self.atom()
        if self.accept("SQUARED"):
            return Part(values.power(base.value, Number(Fraction(2))), base.text + "^2")
        if self.accept("CUBED"):
            return Part(values.power(base.value, Number(Fraction(3))), base.text + "^3")
        if self.accept("^") or self.accept("TO", "POWER") or self.accept("INCREASE", "TO", "POWER"):
            self.accept("OF")
            exponent = self.sign()
            return Part(values.power(base.value, exponent.value), base.text + "^" + exponent.text)
        return base

    def atom(self):
        if self.kind() == "NUM":
            return self._quantity()
        if self.kind() == "DATE":
            return self.date()
        if self.accept("("):
            self._enter()
            inner = self.sum()
            self.expect(")")
            self.depth -= 1
            return self._percent(Part(inner.value, "(" + inner.text + ")"))
        if self.accept("PERCENTOF"):
            token = self.take() if self.kind() == "NUM" else None
            if token is None:
                raise not_understood()
            return Part(Percent(token.value.value / 100), token.text + "%")
        if self.accept("√") or self.accept("SQRT") or self.accept("SQUARE", "ROOT") or self.accept("ROOTOF"):
            self.accept("OF")
            self._enter()
            inner = self.atom()
            self.depth -= 1
            return Part(values.root(inner.value), "√" + inner.text)
        raise not_understood()

    def _quantity(self):
        token = self.take()
        value, text = token.value, token.text
        while self.kind() in words.MULTIPLIERS:
            scale = self.take()
            value = Number(value.value * words.MULTIPLIERS[scale.kind])
            text += " " + scale.text if scale.text.isascii() and len(scale.text) > 1 else scale.text
        if self.kind() in words.UNITS:
            unit = self.take().kind
            months, days = _PER_UNIT[unit]
            count = values.whole(value)
            if abs(count) > 10**7:
                raise NoResult("date_range")
            return Part(Span(count * months, count * days), span_text(count, unit))
        return self._percent(Part(value, text))

    def _percent(self, part):
        """`%` with an operand right behind it is the remainder, and left to `term`."""
        is_sign = self.kind() == "%" and self.kind(1) not in ("NUM", "(", "DATE")
        is_word = self.kind() == "PERCENT" and self.kind(1) != "CHANGE"
        if not (is_sign or is_word):
            return part
        if not values.is_plain(part.value):
            raise not_understood()
        self.take()
        return Part(Percent(part.value.value / 100, part.value.exact), part.text + "%")

    def date(self):
        if self.kind() != "DATE":
            raise not_understood()
        value = self.take().value
        if isinstance(value, PartialDay):
            raise NoResult("needs_year")
        return Part(value, value.date.isoformat())

    def _enter(self):
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise NoResult("too_deep")


def span_text(count, unit):
    """A placeholder that answer.py puts into the reader's language: `{45 DAY}`."""
    return "{%d %s}" % (count, unit)


def _group(part):
    simple = part.text.replace(".", "").replace(",", "").isdigit()
    return part.text if simple or part.text.endswith(")") else "(" + part.text + ")"
