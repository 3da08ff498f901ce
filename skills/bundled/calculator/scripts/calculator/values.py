"""What an expression can be worth, and what may be done with it.

A Number is exact (a fraction) unless a root or a broken power made it a close decimal. A Percent
knows that it is one, since `340 + 5%` is not `340 + 0.05`. Day and Span are dates and what lies
between them.
"""

import calendar
import datetime
from decimal import Context, Decimal, localcontext
from fractions import Fraction

from calculator.errors import NoResult, not_understood

# Beyond this many bits in a numerator or denominator nobody reads the result.
MAX_BITS = 4096
PRECISION = 60


class Number:
    def __init__(self, value, exact=True):
        if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
            raise NoResult("too_large")
        self.value = value
        self.exact = exact


class Percent(Number):
    """`value` is the share: 12% is 0.12."""


class Day:
    def __init__(self, date):
        self.date = date


class Span:
    """Calendar months and days, to be added to a Day."""

    def __init__(self, months, days):
        self.months = months
        self.days = days


def whole(number):
    """The int that a Number is, or a NoResult."""
    if number.value.denominator != 1:
        raise not_understood()
    return number.value.numerator


def is_plain(value):
    return isinstance(value, Number)


def _numbers(left, right):
    if not (is_plain(left) and is_plain(right)):
        raise not_understood()
    return left.value, right.value, left.exact and right.exact


def add(left, right, sign=1):
    if isinstance(left, Day) and isinstance(right, Span):
        return Day(shift(left.date, right, sign))
    if isinstance(left, Day) and isinstance(right, Day) and sign < 0:
        return Span(0, (left.date - right.date).days)
    if isinstance(left, Span) and isinstance(right, Span):
        return Span(left.months + sign * right.months, left.days + sign * right.days)
    a, b, exact = _numbers(left, right)
    if isinstance(right, Percent):
        if isinstance(left, Percent):
            return Percent(a + sign * b, exact)
        return Number(a * (1 + sign * b), exact)
    return Number(a + sign * b, exact)


def subtract(left, right):
    return add(left, right, -1)


def multiply(left, right):
    a, b, exact = _numbers(left, right)
    both = isinstance(left, Percent) and isinstance(right, Percent)
    return (Percent if both else Number)(a * b, exact)


def divide(left, right):
    a, b, exact = _numbers(left, right)
    if b == 0:
        raise NoResult("division_by_zero")
    keeps = isinstance(left, Percent) and not isinstance(right, Percent)
    return (Percent if keeps else Number)(a / b, exact)


def floor_divide(left, right):
    a, b, exact = _numbers(left, right)
    if b == 0:
        raise NoResult("division_by_zero")
    return Number(Fraction(a // b), exact)


def remainder(left, right):
    a, b, exact = _numbers(left, right)
    if b == 0:
        raise NoResult("division_by_zero")
    return Number(a % b, exact)


def negate(value):
    if isinstance(value, Span):
        return Span(-value.months, -value.days)
    if not is_plain(value):
        raise not_understood()
    return type(value)(-value.value, value.exact)


def power(base, exponent):
    a, b, exact = _numbers(base, exponent)
    if a == 0 and b < 0:
        raise NoResult("division_by_zero")
    if b.denominator == 1:
        bits = max(a.numerator.bit_length(), a.denominator.bit_length())
        if a not in (0, 1, -1) and abs(b) * max(1, bits - 1) > MAX_BITS:
            raise NoResult("too_large")
        if a in (0, 1, -1):
            odd = b.numerator % 2 == 1
            return Number(Fraction(1) if b == 0 else a if odd else abs(a), exact)
        return Number(a ** int(b), exact)
    if a < 0:
        raise NoResult("no_real_result")
    if b == Fraction(1, 2):
        return root(base)
    if a == 0:
        return Number(Fraction(0), exact)
    # About log2 of the result: refuse before the work is done.
    bits = a.numerator.bit_length() - a.denominator.bit_length()
    if abs(b) * (abs(bits) + 1) > MAX_BITS:
        raise NoResult("too_large")
    with localcontext(Context(prec=PRECISION)):
        return Number(Fraction(_decimal(a) ** _decimal(b)), False)


def root(base):
    if not is_plain(base):
        raise not_understood()
    a = base.value
    if a < 0:
        raise NoResult("no_real_result")
    with localcontext(Context(prec=PRECISION)):
        close = Fraction(_decimal(a).sqrt())
    return Number(close, base.exact and close * close == a)


def _decimal(fraction):
    return Decimal(fraction.numerator) / Decimal(fraction.denominator)


def shift(date, span, sign):
    """The date so many months, then so many days later; a day that a month lacks is its last."""
    try:
        index = date.year * 12 + date.month - 1 + sign * span.months
        year, month = divmod(index, 12)
        last = calendar.monthrange(year, month + 1)[1]
        start = datetime.date(year, month + 1, min(date.day, last))
        return start + datetime.timedelta(days=sign * span.days)
    except (ValueError, OverflowError, IndexError):
        raise NoResult("date_range") from None


def calendar_span(first, second):
    """Whole months from the earlier to the later date, and the days that remain."""
    first, second = min(first, second), max(first, second)
    months = (second.year - first.year) * 12 + second.month - first.month
    if shift(first, Span(months, 0), 1) > second:
        months -= 1
    return Span(months, (second - shift(first, Span(months, 0), 1)).days)


def make_day(year, month, day):
    try:
        return Day(datetime.date(year, month, day))
    except ValueError:
        raise NoResult("no_such_date") from None
