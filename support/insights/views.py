"""The staff's figures as a page of the admin and as CSV."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, fields
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.dateparse import parse_date
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from billing.models import Plan
from support.insights import costs as spent
from support.insights import figures, health, plots, ratings, redos, tables
from support.insights.alarms import Alarmed, alarms
from support.insights.costs import Cost, Margin
from support.insights.figures import PACK, Churn, Credits, Period, Revenue
from support.insights.people import People, Returns, people, returns
from support.insights.ratings import Rated, Why
from support.insights.redos import Advised, Redos
from support.insights.restorations import Failures, Restorations, failures_by_code, restorations_by_engine
from support.insights.talks import Talks, talks
from support.insights.work import Likeness, Work, likeness, work

SHOWN, MOST = 30, 366  # days: by default, and at most
TABLES: dict[str, tuple[type, Callable[[Period], Sequence[Any]]]] = {
    "revenue": (Revenue, figures.revenue_by_day_and_plan),
    "credits": (Credits, figures.credits_by_day),
    "costs": (Cost, spent.costs_by_engine_and_kind),
    "margins": (Margin, lambda period: _margins(period)),
    "churn": (Churn, lambda period: [figures.churn(period)]),
    "people": (People, lambda period: [people(period)]),
    "returns": (Returns, lambda period: [returns(period)]),
    "work": (Work, work),
    "likeness": (Likeness, likeness),
    "alarms": (Alarmed, alarms),
    "talks": (Talks, lambda period: [talks(period)]),
    "restorations": (Restorations, restorations_by_engine),
    "restoration-failures": (Failures, failures_by_code),
    "ratings": (Rated, ratings.ratings),
    "reasons": (Why, ratings.reasons),
    "redos": (Redos, lambda period: [redos.redos(period)]),
    "advice": (Advised, redos.advice),
}


def _margins(period: Period) -> list[Margin]:
    costs = spent.costs_by_engine_and_kind(period)
    revenue, credits = figures.revenue_by_day_and_plan(period), figures.credits_by_day(period)
    return spent.margins_by_engine(costs, revenue, credits)


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


def _facts(period: Period) -> dict[str, Any]:
    """The template's context. It takes a constant number of queries."""
    revenue, credits = figures.revenue_by_day_and_plan(period), figures.credits_by_day(period)
    costs, churn = spent.costs_by_engine_and_kind(period), figures.churn(period)
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
        "cost_known": spent.total_cost(costs) is not None,
        "revenue": {
            "plot": plots.stacked_bars(
                plots.Plot(
                    "revenue", gettext("Revenue by day and plan"), desc, period.days, by_plan, tables.amount
                )
            ),
            "legend": by_plan,
            "table": tables.by_day(_("Revenue by day and plan"), period, [*by_plan, total], tables.amount),
        },
        "credits": {
            "plot": plots.lines(
                plots.Plot("credits", gettext("Credits by day"), desc, period.days, by_use, tables.number)
            ),
            "legend": by_use,
            "table": tables.by_day(_("Credits by day"), period, by_use, tables.number),
        },
        "costs": tables.cost_table(costs),
        "services": health.services(),
        "margins": tables.margin_table(spent.margins_by_engine(costs, revenue, credits)),
        "churn": tables.churn_table(period, churn),
        **_use(period),
        **_quality(period),
    }


def _use(period: Period) -> dict[str, Any]:
    """Who came and stayed, and how the work went."""
    return {
        "people": tables.people_table(people(period)),
        "returns": tables.returns_table(returns(period)),
        "work": tables.work_table(work(period)),
        "likeness": tables.likeness_table(likeness(period)),
        "alarms": tables.alarm_table(alarms(period)),
        "talks": tables.talk_table(talks(period)),
    }


def _quality(period: Period) -> dict[str, Any]:
    """How good results are, and what people say of them."""
    return {
        "restorations": tables.restoration_table(restorations_by_engine(period)),
        "failures": tables.failure_table(failures_by_code(period)),
        "ratings": tables.rating_table(ratings.ratings(period)),
        "reasons": tables.reason_table(ratings.reasons(period)),
        "words": ratings.words(period),
        "redos": tables.redo_table(redos.redos(period)),
        "advice": tables.advice_table(redos.advice(period)),
    }


def _totals(
    revenue: Iterable[Revenue], costs: Iterable[Cost], credits: Iterable[Credits], churn: Churn
) -> list[tuple[Any, str]]:
    return [
        (_("Revenue"), tables.amount(sum(row.cents for row in revenue))),
        (_("Cost"), tables.amount(spent.total_cost(costs))),
        (_("Margin"), tables.amount(spent.margin(revenue, costs))),
        (_("Credits sold"), tables.number(sum(day.sold for day in credits))),
        (_("Credits used"), tables.number(sum(day.used for day in credits))),
        (_("Credits expired"), tables.number(sum(day.expired for day in credits))),
        (_("Churn"), tables.percent(churn.share)),
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
