"""The sandbox's page: plain HTML, no script, everything from outside escaped."""

import json
import time
from collections.abc import Iterable
from html import escape
from typing import Any

import msgspec

from exporter.sandbox.buttons import Buttons
from exporter.sandbox.memory import Memory

SHOWN = 50
FILTERS = {"event": "Event", "message_id": "messageId", "key4": "Key ends with"}

LINKS = (
    '<p><a href="/">Refresh</a> · as JSON: <a href="/stats">stats</a> · <a href="/calls">calls</a> · '
    '<a href="/requests">requests</a> · <a href="/control">control</a></p>'
)

STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; padding: 0 1rem; max-width: 75rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; margin-bottom: 2rem; }
caption { text-align: left; font-weight: 600; padding: .5rem 0; }
th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; }
tr { border-bottom: 1px solid #8886; }
code, pre { font: 13px/1.4 ui-monospace, monospace; overflow-wrap: anywhere; white-space: pre-wrap; }
label { margin-right: 1rem; }
.buttons { display: flex; flex-wrap: wrap; gap: .5rem; }
button { font: inherit; padding: .35rem .75rem; min-height: 2rem; }
"""


def page(url: str, memory: Memory, control: dict[str, Any], buttons: Buttons, query: dict[str, str]) -> str:
    """The whole page; `query` may hold the filters of `/calls`."""
    chosen = {name: query.get(name, "") for name in FILTERS}
    calls = memory.calls(limit=SHOWN, **chosen)
    parts = [
        "<h1>Segment sandbox</h1>",
        f"<p>A local stand-in for Segment at <code>{escape(url)}</code>. Nothing leaves this machine.</p>",
        LINKS,
        buttons.html(request["key4"] for request in reversed(memory.requests())),
        _condition(control),
        _table("What arrived", ("Figure", "Value"), (_figure(item) for item in memory.stats().items())),
        _table(
            "Told to fail", ("Rule", "Uses", "What it does"), (_rule_row(rule) for rule in control["rules"])
        ),
        _filter_form(chosen),
        _table(
            f"Latest calls (at most {SHOWN}, newest first)",
            ("Received (UTC)", "Became", "Key", "Event", "messageId", "Call"),
            (_call_row(call) for call in reversed(calls)),
        ),
        _table(
            f"Latest requests (at most {SHOWN}, newest first)",
            ("Received (UTC)", "Path", "Key", "Bytes", "Calls", "Answer", "Milliseconds", "Rule"),
            (_request_row(request) for request in reversed(memory.requests()[-SHOWN:])),
        ),
    ]
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Segment sandbox</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="stylesheet" href="/sandbox.css"></head><body><main>'
    )
    return head + "".join(parts) + "</main></body></html>"


def _table(caption: str, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Cells of `rows` are HTML already."""
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    body = body or f'<tr><td colspan="{len(columns)}">Nothing yet.</td></tr>'
    return (
        f'<div class="wide"><table><caption>{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _condition(control: dict[str, Any]) -> str:
    """What stands between the product and a healthy answer."""
    standing = sum(not rule["ended"] for rule in control["rules"])
    if not standing and not control["latency_ms"]:
        return '<p role="status">It answers as Segment does when all is well.</p>'
    told = [f"{standing} rule{'' if standing == 1 else 's'} below"] if standing else []
    told += [f"every answer {control['latency_ms']:,} ms late"] if control["latency_ms"] else []
    return f'<p role="status"><strong>Told to fail:</strong> {escape(", ".join(told))}. <em>Heal</em> ends it.</p>'


def _filter_form(chosen: dict[str, str]) -> str:
    fields = "".join(
        f'<label>{label} <input name="{name}" value="{escape(chosen[name])}"></label>'
        for name, label in FILTERS.items()
    )
    return f'<form action="/" method="get">{fields}<button>Show</button></form>'


def _figure(item: tuple[str, Any]) -> tuple[str, ...]:
    name, value = item
    if name == "started_at":
        return "started (UTC)", _clock(value)
    if isinstance(value, dict):
        value = ", ".join(f"{key}: {count:,}" for key, count in sorted(value.items())) or "none"
    else:
        value = f"{value:,}"
    return escape(name.replace("_", " ")), escape(value)


def _rule_row(rule: dict[str, Any]) -> tuple[str, ...]:
    ended = " (ended)" if rule["ended"] else ""
    return str(rule["id"]), f"{rule['uses']:,}{ended}", f"<code>{escape(json.dumps(rule['rule']))}</code>"


def _call_row(kept: dict[str, Any]) -> tuple[str, ...]:
    call = kept["call"]
    became = kept["status"] + (f": {kept['reason']}" if kept["reason"] else "")
    text = msgspec.json.format(msgspec.json.encode(call), indent=2).decode()
    details = f"<details><summary>Show</summary><pre>{escape(text)}</pre>"
    return (
        _clock(kept["received_at"]),
        escape(became),
        _masked(kept["key4"]),
        escape(str(call.get("event", ""))),
        f"<code>{escape(str(call.get('messageId', '')))}</code>",
        details + "</details>",
    )


def _request_row(request: dict[str, Any]) -> tuple[str, ...]:
    status = "none" if request["status"] is None else str(request["status"])
    return (
        _clock(request["at"]),
        escape(request["path"]),
        _masked(request["key4"]),
        f"{request['bytes']:,}",
        f"{request['calls']:,}",
        f"{status} <code>{escape(request['answer'])}</code>",
        f"{request['milliseconds']:,.1f}",
        "" if request["rule"] is None else str(request["rule"]),
    )


def _masked(key4: str) -> str:
    return f"…{escape(key4)}"


def _clock(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at))
