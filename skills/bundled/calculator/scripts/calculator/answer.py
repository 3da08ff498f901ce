"""A question in, a short Markdown sentence out, in the reader's language."""

import re
from decimal import Context, Decimal

from calculator import values
from calculator.errors import NoResult
from calculator.questions import understand

MAX_SHOWN = 120
MAX_DIGITS = 40
SIGNIFICANT = 15

_SENTENCES = {
    "en": {
        "not_understood": "I could not read that as a calculation. Try `12% of 340`, `3 * (4 + 5)`, "
        "`increase 80 by 15%`, `days between 2026-01-01 and 2026-03-01` or `2026-03-01 + 45 days`.",
        "division_by_zero": "Dividing by zero has no result.",
        "no_real_result": "That has no real number as its result.",
        "too_large": "That number is too large for me.",
        "too_long": "That is too long for one calculation. Please split it up.",
        "too_deep": "There are too many levels of brackets or signs in that.",
        "mixed_currencies": "That mixes currencies, and I know no exchange rates. Please use one currency.",
        "needs_year": "Please write dates with their year, for example `2026-03-01`.",
        "no_such_date": "I cannot tell which date that is. Please write dates like `2026-03-01`.",
        "date_range": "That date is out of range: I know the years 1 to 9999.",
        "weekdays": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
        "DAY": "day|days", "WEEK": "week|weeks", "MONTH": "month|months", "YEAR": "year|years",
        "in_brackets": " (%s)", "separator": " ",
    },
    "zh-Hant": {
        "not_understood": "看不懂這個算式。可以試試 `340 的 12%`、`3 * (4 + 5)`、`80 增加 15%`、"
        "`2026-01-01 到 2026-03-01 有幾天` 或 `2026-03-01 加 45 天`。",
        "division_by_zero": "除以零沒有結果。",
        "no_real_result": "這個算式沒有實數結果。",
        "too_large": "這個數字太大，無法計算。",
        "too_long": "內容太長，請分成幾次計算。",
        "too_deep": "括號或正負號的層數太多。",
        "mixed_currencies": "這裡有不同的貨幣，而我不知道匯率。請只用一種貨幣。",
        "needs_year": "日期請寫上年份，例如 `2026-03-01`。",
        "no_such_date": "看不出是哪一天。日期請寫成 `2026-03-01` 的樣子。",
        "date_range": "日期超出範圍：只能計算西元 1 到 9999 年。",
        "weekdays": "星期一 星期二 星期三 星期四 星期五 星期六 星期日",
        "DAY": "天", "WEEK": "週", "MONTH": "個月", "YEAR": "年",
        "in_brackets": "（%s）", "separator": "又 ",
    },
    "zh-Hans": {
        "not_understood": "看不懂这个算式。可以试试 `340 的 12%`、`3 * (4 + 5)`、`80 增加 15%`、"
        "`2026-01-01 到 2026-03-01 有几天` 或 `2026-03-01 加 45 天`。",
        "division_by_zero": "除以零没有结果。",
        "no_real_result": "这个算式没有实数结果。",
        "too_large": "这个数字太大，无法计算。",
        "too_long": "内容太长，请分成几次计算。",
        "too_deep": "括号或正负号的层数太多。",
        "mixed_currencies": "这里有不同的货币，而我不知道汇率。请只用一种货币。",
        "needs_year": "日期请写上年份，例如 `2026-03-01`。",
        "no_such_date": "看不出是哪一天。日期请写成 `2026-03-01` 的样子。",
        "date_range": "日期超出范围：只能计算公元 1 到 9999 年。",
        "weekdays": "星期一 星期二 星期三 星期四 星期五 星期六 星期日",
        "DAY": "天", "WEEK": "周", "MONTH": "个月", "YEAR": "年",
        "in_brackets": "（%s）", "separator": "又 ",
    },
}


def answer(text, locale):
    say = _SENTENCES.get(locale, _SENTENCES["en"])
    try:
        return _sentence(understand(text), say)
    except NoResult as problem:
        return say[problem.reason]


def _sentence(result, say):
    value = result.value
    text = re.sub(r"\{(-?\d+) ([A-Z]+)\}", lambda m: _count(int(m[1]), m[2], say), result.text)
    remark, is_exact = "", True
    if result.unit is not None:
        shown, remark = _between(value, result.unit, say)
    elif isinstance(value, values.Day):
        shown = say["weekdays"].split()[value.date.weekday()]
        if text == value.date.isoformat():
            return "%s: **%s**" % (text, shown)
        shown, remark = value.date.isoformat(), say["in_brackets"] % shown
    elif isinstance(value, values.Span):
        shown = _span(value, say)
    else:
        # A percentage alone is worth a number; what is reckoned from percentages stays one.
        alone = re.fullmatch(r"-*[\d.,]+%", text) is not None
        shown, is_exact = _number(value, isinstance(value, values.Percent) and not alone)
        if result.sign == "±" and value.value >= 0:
            shown = "+" + shown
    if text == shown:
        return "**%s**%s" % (shown, remark)
    if len(text) > MAX_SHOWN:
        return "%s**%s**%s" % ("" if is_exact else "≈ ", shown, remark)
    if result.sign == "=":
        link = " = " if is_exact else " ≈ "
    else:
        link = ": " if is_exact else ": ≈ "
    return "%s%s**%s**%s" % (text, link, shown, remark)


def _count(count, unit, say):
    singular, _, plural = say[unit].partition("|")
    return "%d %s" % (count, singular if abs(count) == 1 or not plural else plural)


def _between(dates, unit, say):
    days = (dates[1] - dates[0]).days
    if unit == "DAY" or abs(days) < 7:
        return _count(days, "DAY", say), ""
    total = say["in_brackets"] % _count(days, "DAY", say)
    if unit == "WEEK":
        weeks, rest = divmod(abs(days), 7)
        sign = -1 if days < 0 else 1
        shown = _count(sign * weeks, "WEEK", say)
        return (shown + say["separator"] + _count(rest, "DAY", say) if rest else shown), total
    # Whole months, counted on the calendar from the earlier date, and the days that remain.
    span = values.calendar_span(*dates)
    years, months = divmod(span.months, 12) if unit == "YEAR" else (0, span.months)
    parts = [(years, "YEAR"), (months, "MONTH"), (span.days, "DAY")]
    shown = say["separator"].join(_count(count, name, say) for count, name in parts if count)
    return "-" * (days < 0) + shown, total


def _span(span, say):
    parts = []
    if span.months:
        parts.append(_count(span.months, "MONTH", say))
    if span.days or not parts:
        parts.append(_count(span.days, "DAY", say))
    return say["separator"].join(parts)


def _number(number, as_percent):
    """The text of a number, and whether it is all of it."""
    value = number.value * 100 if as_percent else number.value
    mark = "%" if as_percent else ""
    written = _exact_decimal(value) if number.exact else None
    if written is not None:
        return written + mark, True
    context = Context(prec=SIGNIFICANT)
    close = context.divide(Decimal(value.numerator), Decimal(value.denominator))
    if -7 <= close.adjusted() <= 20:
        digits = format(close, "f")
        return (digits.rstrip("0").rstrip(".") if "." in digits else digits) + mark, False
    mantissa = format(close.scaleb(-close.adjusted(), context).normalize(context), "f")
    return "%s × 10^%d%s" % (mantissa, close.adjusted(), mark), False


def _exact_decimal(value):
    """All digits, or None when they never end or are more than anybody reads."""
    rest, places = value.denominator, 0
    twos = fives = 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    places = max(twos, fives)
    if rest != 1 or places > MAX_DIGITS:
        return None
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    if len(digits) > MAX_DIGITS * (2 if places == 0 else 1):
        return None
    sign = "-" if value < 0 else ""
    return sign + (digits[:-places] + "." + digits[-places:] if places else digits)
