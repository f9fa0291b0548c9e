"""Rows of tables, written by hand: a status page has hundreds of such cells, and is drawn anew every few seconds.

Everything that is not ours is escaped here.
"""

from __future__ import annotations

from datetime import datetime
from html import escape

from django import template
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from connectors.templatetags.parts import ago, icon
from exporter.display.figures import Figure
from exporter.display.type_table import TypeRow
from exporter.reports.balance import Balance, Rejected
from exporter.reports.silent_types import Silence
from exporter.reports.windows import TypeFlow
from exporter.templatetags.deliveries import seen, shortly, span

register = template.Library()


@register.simple_tag
def figure_rows(figure: Figure) -> SafeString:
    """The lines of a figure's table; written by hand, because a page has hundreds of such cells."""
    lines = [
        f'<tr><th scope="row">{escape(shortly(at))}</th>'
        + "".join(f'<td class="number">{escape(cell)}</td>' for cell in cells)
        + "</tr>"
        for at, cells in figure.rows
    ]
    return mark_safe("".join(lines))  # noqa: S308 - every part is escaped


@register.simple_tag
def type_row(row: TypeRow) -> SafeString:
    """The counts of an event type; zeros faint, a colour only where somebody should look."""
    flow = row.flow
    name = f"<code>{escape(flow.event_type)}</code>"
    if flow.title:
        address = reverse("event_type", args=[flow.event_type])
        name = f'<a class="plain-link" href="{escape(address)}">{escape(flow.title)}</a>'
    return _row(name + _silent(row.silence), flow, row.rejected, flow.last_received_at)


@register.simple_tag
def total_row(ledger: Balance, last: datetime | None) -> SafeString:
    """All event types together; `last` is when anything was last seen."""
    return _row(escape(_("All event types")), ledger, ledger.rejected, last, waits="caution")


def _row(
    head: str, flow: TypeFlow | Balance, rejected: Rejected, last: datetime | None, waits: str = ""
) -> SafeString:
    delivered = flow.outcomes["delivered"]
    received = f'{_n(flow.received)}<span class="only-narrow"> {escape(_("received"))}'
    if flow.pending:
        received += f", {_n(flow.pending)} {escape(_('waiting'))}"
    accepted = f'<b>{_n(delivered)}</b><span class="only-narrow small faint"> {escape(_("accepted"))}</span>'
    columns = [
        *((flow.outcomes[name], "") for name in ("unselected", "anonymous", "unsupported")),
        *((count, "trouble") for count in (rejected.too_large, rejected.would_be_dropped)),
        *((count, "trouble") for count in (rejected.by_segment, flow.outcomes["expired"])),
        (flow.pending, waits),
    ]
    cells = "".join(
        f'<td class="number hide-narrow {colour if count else "zero"}">{_n(count)}</td>'
        for count, colour in columns
    )
    row = (
        f'<tr><th scope="row">{head}</th>'
        f'<td class="number start faint-narrow {"" if flow.received else "zero"}">{received}</span></td>'
        f'<td class="number end {"" if delivered else "zero"}">{accepted}</td>'
        f'{cells}<td class="number hide-narrow quiet">{escape(seen(last))}</td></tr>'
    )
    return mark_safe(row)  # noqa: S308 - every part is escaped


def _silent(silence: Silence | None) -> str:
    if silence is None:
        return ""
    words = _("Silent since %(since)s; its longest pause was %(usual)s") % {
        "since": ago(silence.since),
        "usual": span(silence.usual),
    }
    return f'<span class="silent caution">{icon("clock", "icon-14")}{escape(words)}</span>'


def _n(count: int) -> str:
    return escape(number_format(count, force_grouping=True))
