"""The staff's figures as a page of the admin and as CSV."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.dateparse import parse_date
from django.utils.formats import number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from billing.models import Plan
from billing.templatetags.money import money
from config.web.labels import STYLE_NAMES, engine_name
from gallery.ratings.models import Reason
from support.insights import costs as work
from support.insights import figures, health, plots, ratings, redos
from support.insights.costs import Cost, Margin
from support.insights.figures import PACK, Churn, Credits, Period, Revenue
from support.insights.ratings import Rated, Why
from support.insights.redos import Advised, Redos
from support.insights.restorations import Failures, Restorations, failures_by_code, restorations_by_engine

SHOWN, MOST = 30, 366  # days: by default, and at most
TABLES: dict[str, tuple[type, Callable[[Period], Sequence[Any]]]] = {
    "revenue": (Revenue, figures.revenue_by_day_and_plan),
    "credits": (Credits, figures.credits_by_day),
    "costs": (Cost, work.costs_by_engine_and_kind),
    "margins": (Margin, lambda period: _margins(period)),
    "churn": (Churn, lambda period: [figures.churn(period)]),
    "restorations": (Restorations, restorations_by_engine),
    "restoration-failures": (Failures, failures_by_code),
    "ratings": (Rated, ratings.ratings),
    "reasons": (Why, ratings.reasons),
    "redos": (Redos, lambda period: [redos.redos(period)]),
    "advice": (Advised, redos.advice),
}


def _margins(period: Period) -> list[Margin]:
    costs = work.costs_by_engine_and_kind(period)
    revenue, credits = figures.revenue_by_day_and_plan(period), figures.credits_by_day(period)
    return work.margins_by_engine(costs, revenue, credits)


@require_safe
def figures_page(request: HttpRequest) -> HttpResponse:
    """For staff who may view invoices. `admin_view` in config/urls.py checks that the user is staff."""
    if not request.user.has_perm("billing.view_invoice"):  # type: ignore[union-attr]
        raise PermissionDenied
    period, understood = chosen(request.GET)
    if request.GET.get("format") == "csv":
        return as_csv(request.GET.get("table", ""), period)
    if not understood:
        messages.warning(
            request,
            _(
                "These dates cannot be shown; here are the last %(shown)s days."
                " Choose at most %(most)s, the first one first."
            )
            % {"shown": SHOWN, "most": MOST},
        )
    return TemplateResponse(
        request, "admin/support/figures.html", {**admin.site.each_context(request), **_facts(period)}
    )


def chosen(query: Any) -> tuple[Period, bool]:
    """The chosen days (by default the last SHOWN days), and whether the query was understood."""
    today = datetime.now(UTC).date()
    usual = Period(today - timedelta(SHOWN - 1), today)
    start, end = (_date(query.get(name), to) for name, to in (("from", usual.start), ("to", usual.end)))
    if start and end and 0 <= (end - start).days < MOST:
        return Period(start, end), True
    return usual, False


def _date(text: str | None, default: date) -> date | None:
    if not text:
        return default
    try:
        return parse_date(text)
    except ValueError:  # the 31st of February
        return None


# ---------------------------------------------------------------- CSV


def as_csv(table: str, period: Period) -> HttpResponse:
    """A table as CSV for programs: column names are not translated, and money is in cents."""
    if table not in TABLES:
        raise Http404
    kind, read = TABLES[table]
    name = f"photoflux-{table}-{period.start}-{period.end}.csv"
    answer = HttpResponse(
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
    out = csv.writer(answer)
    out.writerow(field.name for field in fields(kind))
    out.writerows(map(_cell, astuple(row)) for row in read(period))
    return answer


def _cell(value: Any) -> Any:
    """Escapes text, such as a plan's code, that a spreadsheet would run as a formula; formats numbers."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    if isinstance(value, Decimal):
        return f"{value:.3f}"
    return "not set" if value is None else value


# ---------------------------------------------------------------- the page


@dataclass(frozen=True)
class Table:
    caption: Any
    head: Sequence[Any]
    rows: Sequence[Sequence[Any]]  # the first cell of a row is its heading
    foot: Sequence[Any] = ()


def _facts(period: Period) -> dict[str, Any]:
    """The template's context. It takes a constant number of queries."""
    revenue, credits = figures.revenue_by_day_and_plan(period), figures.credits_by_day(period)
    costs, churn = work.costs_by_engine_and_kind(period), figures.churn(period)
    by_plan, by_use = _by_plan(period, revenue), _by_use(period, credits)
    desc = gettext("Each day from %(start)s to %(end)s. The table below has the numbers.") % {
        "start": period.start,
        "end": period.end,
    }
    total = plots.Series(gettext("Total"), [sum(day) for day in zip(*(s.values for s in by_plan))])
    return {
        "title": _("Figures"),
        "period": period,
        "currency": settings.CURRENCY.upper(),
        "left_out": figures.in_other_currencies(period),
        "totals": _totals(revenue, costs, credits, churn),
        "cost_known": work.total_cost(costs) is not None,
        "revenue": {
            "plot": plots.stacked_bars(
                plots.Plot("revenue", gettext("Revenue by day and plan"), desc, period.days, by_plan, _money)
            ),
            "legend": by_plan,
            "table": _by_day(_("Revenue by day and plan"), period, [*by_plan, total], _money),
        },
        "credits": {
            "plot": plots.lines(
                plots.Plot("credits", gettext("Credits by day"), desc, period.days, by_use, _number)
            ),
            "legend": by_use,
            "table": _by_day(_("Credits by day"), period, by_use, _number),
        },
        "costs": _cost_table(costs),
        "services": health.services(),
        "margins": _margin_table(work.margins_by_engine(costs, revenue, credits)),
        "churn": _churn_table(period, churn),
        **_quality(period),
    }


def _quality(period: Period) -> dict[str, Any]:
    """How good results are, and what people say of them."""
    return {
        "restorations": _restoration_table(restorations_by_engine(period)),
        "failures": _failure_table(failures_by_code(period)),
        "ratings": _rating_table(ratings.ratings(period)),
        "reasons": _reason_table(ratings.reasons(period)),
        "words": ratings.words(period),
        "redos": _redo_table(redos.redos(period)),
        "advice": _advice_table(redos.advice(period)),
    }


def _totals(
    revenue: Iterable[Revenue], costs: Iterable[Cost], credits: Iterable[Credits], churn: Churn
) -> list[tuple[Any, str]]:
    return [
        (_("Revenue"), _money(sum(row.cents for row in revenue))),
        (_("Cost"), _money(work.total_cost(costs))),
        (_("Margin"), _money(work.margin(revenue, costs))),
        (_("Credits sold"), _number(sum(day.sold for day in credits))),
        (_("Credits used"), _number(sum(day.used for day in credits))),
        (_("Credits expired"), _number(sum(day.expired for day in credits))),
        (_("Churn"), _share(churn)),
    ]


def _by_plan(period: Period, revenue: Iterable[Revenue]) -> list[plots.Series]:
    """A series for each plan with revenue, in the order of the plans."""
    cents = {(row.day, row.plan): row.cents for row in revenue}
    names = {**dict(Plan.objects.values_list("code", "name")), PACK: gettext("Credit packs")}
    paid = {plan for _day, plan in cents}
    return [
        plots.Series(name, [cents.get((day, code), 0) for day in period.days])
        for code, name in names.items()
        if code in paid
    ]


def _by_use(period: Period, credits: Iterable[Credits]) -> list[plots.Series]:
    names = {
        "sold": gettext("sold"),
        "granted": gettext("granted"),
        "used": gettext("used"),
        "expired": gettext("expired"),
        "taken_back": gettext("taken back"),
    }
    days = {each.day: each for each in credits}
    return [
        plots.Series(name, [getattr(days.get(day), field, 0) for day in period.days])
        for field, name in names.items()
    ]


def _by_day(caption: Any, period: Period, series: Sequence[plots.Series], say: Callable[[int], str]) -> Table:
    """The numbers of a plot as a table, without days on which all are zero."""
    columns = [s.values for s in series]
    rows = [(day, *map(say, numbers)) for day, *numbers in zip(period.days, *columns) if any(numbers)]
    return Table(
        caption, (_("Day"), *(s.name for s in series)), rows, (_("All days"), *(say(sum(c)) for c in columns))
    )


def _cost_table(costs: Iterable[Cost]) -> Table:
    head = (_("Engine"), _("Kind"), _("Runs"), _("Units"), _("Seconds of work"), _("Credits"), _("Cost"))
    rows = [
        (
            engine_name(cost.engine) if cost.engine else "–",
            cost.kind,
            *map(_number, (cost.runs, cost.units, round(cost.seconds), cost.credits)),
            _money(cost.cents),
        )
        for cost in costs
    ]
    return Table(_("Cost by engine and kind of work"), head, rows)


def _margin_table(margins: Iterable[Margin]) -> Table:
    head = (_("Engine"), _("Credits"), _("Worth"), _("Cost"), _("Margin"))
    rows = [
        (
            engine_name(each.engine) if each.engine else "–",
            _number(each.credits),
            _worth(each.earned),
            _money(each.cents),
            _worth(each.left) if each.earned is None else _money(each.left),
        )
        for each in margins
    ]
    return Table(_("Margin by engine"), head, rows)


def _worth(cents: Decimal | None) -> str:
    return "–" if cents is None else _money(cents)


def _churn_table(period: Period, churn: Churn) -> Table:
    head = (_("Days"), _("Live at the start"), _("Ended"), _("Churn"), _("New"))
    days = f"{period.start} – {period.end}"
    row = (days, _number(churn.live), _number(churn.ended), _share(churn), _number(churn.new))
    return Table(_("Subscriptions"), head, [row])


def _restoration_table(found: Iterable[Restorations]) -> Table:
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
            *map(_number, (each.asked, each.done, each.failed, each.flagged)),
            *map(_decimal, (each.median, each.slow, each.gain, each.rating)),
        )
        for each in found
    ]
    return Table(_("Restorations by restorer"), head, rows)


def _failure_table(found: Iterable[Failures]) -> Table:
    rows = [(each.code, _number(each.count)) for each in found]
    return Table(_("Restorations that failed, by code"), (_("Code"), _("Restorations")), rows)


def _decimal(value: float | None) -> str:
    return "–" if value is None else number_format(value, 2, use_l10n=True)


def _redo_table(found: Redos) -> Table:
    head = (_("Pictures marked"), _("Twins"), _("Free retrainings"), _("Succeeded"), _("Marked again"))
    counts = (found.marks, found.twins, found.retrained, found.succeeded, found.again)
    return Table(_("Pictures marked “not me”"), head, [tuple(map(_number, counts))] if any(counts) else [])


def _rating_table(found: Iterable[Rated]) -> Table:
    head = (_("Engine"), _("Style"), _("Ratings"), _("Likeness"), _("Prompt"), _("Quality"))
    rows = [
        (
            engine_name(each.engine) if each.engine else "–",
            STYLE_NAMES.get(each.style, each.style) or "–",
            _number(each.ratings),
            *map(_decimal, (each.likeness, each.prompt, each.quality)),
        )
        for each in found
    ]
    return Table(_("Ratings by engine and style, of 5"), head, rows)


def _reason_table(found: Iterable[Why]) -> Table:
    names = dict(Reason.choices)
    rows = [(names.get(each.reason, each.reason), _number(each.ratings)) for each in found]
    return Table(_("What was wrong with pictures"), (_("Reason"), _("Ratings")), rows)


def _advice_table(found: Iterable[Advised]) -> Table:
    rows = [(each.code, _number(each.redos)) for each in found]
    return Table(_("Advice before free retrainings"), (_("Advice"), _("Free retrainings")), rows)


def _money(cents: int | Decimal | None) -> str:
    return (
        gettext("not set")
        if cents is None
        else money(int(Decimal(cents).quantize(Decimal(1), ROUND_HALF_UP)))
    )


def _number(value: int) -> str:
    return number_format(value, use_l10n=True, force_grouping=True)


def _share(churn: Churn) -> str:
    return "–" if churn.share is None else f"{number_format(100 * churn.share, 1, use_l10n=True)} %"
