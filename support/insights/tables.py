"""The tables of the figures page: rows of figures as the page says them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _

from billing.templatetags.money import money
from config.web.labels import STYLE_NAMES, engine_name
from gallery.ratings.models import Reason
from support.insights import plots
from support.insights.alarms import Alarmed
from support.insights.costs import Cost, Margin
from support.insights.figures import Churn, Period
from support.insights.people import People, Returns
from support.insights.ratings import Rated, Why
from support.insights.redos import Advised, Redos
from support.insights.restorations import Failures, Restorations
from support.insights.talks import Talks
from support.insights.work import Likeness, Work


@dataclass(frozen=True)
class Table:
    caption: Any
    head: Sequence[Any]
    rows: Sequence[Sequence[Any]]  # the first cell of a row is its heading
    foot: Sequence[Any] = ()


def by_day(caption: Any, period: Period, series: Sequence[plots.Series], say: Callable[[int], str]) -> Table:
    """The numbers of a plot as a table, without days on which all are zero."""
    columns = [s.values for s in series]
    rows = [(day, *map(say, numbers)) for day, *numbers in zip(period.days, *columns) if any(numbers)]
    return Table(
        caption, (_("Day"), *(s.name for s in series)), rows, (_("All days"), *(say(sum(c)) for c in columns))
    )


def cost_table(costs: Iterable[Cost]) -> Table:
    head = (_("Engine"), _("Kind"), _("Runs"), _("Units"), _("Seconds of work"), _("Credits"), _("Cost"))
    rows = [
        (
            engine_name(cost.engine) if cost.engine else "–",
            cost.kind,
            *map(number, (cost.runs, cost.units, round(cost.seconds), cost.credits)),
            amount(cost.cents),
        )
        for cost in costs
    ]
    return Table(_("Cost by engine and kind of work"), head, rows)


def margin_table(margins: Iterable[Margin]) -> Table:
    head = (_("Engine"), _("Credits"), _("Worth"), _("Cost"), _("Margin"))
    rows = [
        (
            engine_name(each.engine) if each.engine else "–",
            number(each.credits),
            worth(each.earned),
            amount(each.cents),
            worth(each.left) if each.earned is None else amount(each.left),
        )
        for each in margins
    ]
    return Table(_("Margin by engine"), head, rows)


def worth(cents: Decimal | None) -> str:
    return "–" if cents is None else amount(cents)


def churn_table(period: Period, churn: Churn) -> Table:
    head = (_("Days"), _("Live at the start"), _("Ended"), _("Churn"), _("New"))
    days = f"{period.start} – {period.end}"
    row = (days, number(churn.live), number(churn.ended), percent(churn.share), number(churn.new))
    return Table(_("Subscriptions"), head, [row])


def restoration_table(found: Iterable[Restorations]) -> Table:
    head = (
        _("Restorer"),
        _("Asked for"),
        _("Done"),
        _("Failed"),
        _("May be somebody else"),
        _("Seconds, median"),
        _("Seconds, 95th percentile"),
        _("Gain in quality"),
        _("Rating"),
    )
    rows = [
        (
            each.engine or "–",
            *map(number, (each.asked, each.done, each.failed, each.flagged)),
            *map(decimal, (each.median, each.slow, each.gain, each.rating)),
        )
        for each in found
    ]
    return Table(_("Restorations by restorer"), head, rows)


def failure_table(found: Iterable[Failures]) -> Table:
    rows = [(each.code, number(each.count)) for each in found]
    return Table(_("Restorations that failed, by code"), (_("Code"), _("Restorations")), rows)


def decimal(value: float | None) -> str:
    return "–" if value is None else number_format(value, 2, use_l10n=True)


def redo_table(found: Redos) -> Table:
    head = (_("Pictures marked"), _("Twins"), _("Free retrainings"), _("Succeeded"), _("Marked again"))
    counts = (found.marks, found.twins, found.retrained, found.succeeded, found.again)
    return Table(_("Pictures marked “not me”"), head, [tuple(map(number, counts))] if any(counts) else [])


def rating_table(found: Iterable[Rated]) -> Table:
    head = (_("Engine"), _("Style"), _("Ratings"), _("Likeness"), _("Prompt"), _("Quality"))
    rows = [
        (
            engine_name(each.engine) if each.engine else "–",
            STYLE_NAMES.get(each.style, each.style) or "–",
            number(each.ratings),
            *map(decimal, (each.likeness, each.prompt, each.quality)),
        )
        for each in found
    ]
    return Table(_("Ratings by engine and style, of 5"), head, rows)


def reason_table(found: Iterable[Why]) -> Table:
    names = dict(Reason.choices)
    rows = [(names.get(each.reason, each.reason), number(each.ratings)) for each in found]
    return Table(_("What was wrong with pictures"), (_("Reason"), _("Ratings")), rows)


def advice_table(found: Iterable[Advised]) -> Table:
    rows = [(each.code, number(each.redos)) for each in found]
    return Table(_("Advice before free retrainings"), (_("Advice"), _("Free retrainings")), rows)


def people_table(found: People) -> Table:
    head = (
        _("At work"),
        _("Joined"),
        _("With a twin"),
        _("Trained"),
        _("First picture"),
        _("Paid"),
        _("Share that paid"),
    )
    counts = (found.active, found.joined, found.twin, found.trained, found.picture, found.paid)
    row = (*map(number, counts), percent(found.paid_share))
    return Table(_("People who joined, and how far they are by now"), head, [row] if any(counts) else [])


def returns_table(found: Returns) -> Table:
    share = pgettext("a part of all", "Share")
    head = (_("First picture"), _("Back in days 1 to 7"), share, _("Back in days 8 to 30"), share)
    row = (
        number(found.began),
        _of(found.week, found.week_due),
        percent(found.week_share),
        _of(found.month, found.month_due),
        percent(found.month_share),
    )
    return Table(_("Who came back after the first picture"), head, [row] if found.began else [])


def _of(part: int, whole: int) -> str:
    return gettext("%(part)s of %(whole)s") % {"part": number(part), "whole": number(whole)}


def work_table(found: Iterable[Work]) -> Table:
    head = (
        _("Kind"),
        _("Done"),
        _("Failed"),
        _("Given up"),
        _("Share that failed"),
        _("Seconds waited, median"),
        _("Seconds waited, 95th percentile"),
        _("Seconds, median"),
        _("Seconds, 95th percentile"),
    )
    rows = [
        (
            each.kind,
            *map(number, (each.done, each.failed, each.cancelled)),
            percent(each.failed_share),
            *map(decimal, (each.wait, each.wait_95, each.run, each.run_95)),
        )
        for each in found
    ]
    return Table(_("Work by kind"), head, rows)


def likeness_table(found: Iterable[Likeness]) -> Table:
    head = (
        _("Engine"),
        _("Pictures"),
        _("Likeness, median"),
        _("Likeness, 5th percentile"),
        _("Share below the limit"),
    )
    rows = [
        (
            engine_name(each.engine) if each.engine else "–",
            number(each.pictures),
            *map(decimal, (each.median, each.low)),
            percent(each.unlike_share),
        )
        for each in found
    ]
    return Table(_("Likeness of pictures by engine"), head, rows)


def talk_table(found: Talks) -> Table:
    head = (
        _("Begun"),
        _("Without an account"),
        _("Answered"),
        _("In time"),
        _("Hours to the first answer, median"),
        _("Hours, 95th percentile"),
    )
    counts = map(number, (found.begun, found.guests, found.answered, found.in_time))
    row = (*counts, *map(decimal, (found.hours, found.hours_95)))
    return Table(_("Conversations"), head, [row] if found.begun else [])


def alarm_table(found: Iterable[Alarmed]) -> Table:
    head = (_("Day"), _("Failed"), _("Ended"), _("Share that failed"))
    rows = [(each.day, number(each.failed), number(each.ended), percent(each.share)) for each in found]
    return Table(_("Alarms: days on which more than 3 % of trainings failed"), head, rows)


def amount(cents: int | Decimal | None) -> str:
    return (
        gettext("not set")
        if cents is None
        else money(int(Decimal(cents).quantize(Decimal(1), ROUND_HALF_UP)))
    )


def number(value: int) -> str:
    return number_format(value, use_l10n=True, force_grouping=True)


def percent(share: float | None) -> str:
    return "–" if share is None else f"{number_format(100 * share, 1, use_l10n=True)} %"
