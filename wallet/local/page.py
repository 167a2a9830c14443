"""The supervisor's own web server: `/healthz` and a plain status page, nothing from outside."""

import socket
from html import escape

from aiohttp import web

from wallet.local.health import Health, HealthReader
from wallet.local.supervisor import Addresses

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1rem;
       color: #1c2430; background: #fbfbfa; }
h1 { font-size: 1.4rem; } h2 { font-size: 1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #ddd; }
td.n, th.n { text-align: right; } code { font-size: .9em; }
a { color: inherit; } .ok { color: #12703a; } .bad { color: #b3261e; } .note { color: #5b6675; }
@media (prefers-color-scheme: dark) { body { color: #e3e6ea; background: #15181c; }
  th, td { border-color: #333; } .ok { color: #6cd391; } .bad { color: #ff8a80; } }
"""
_RUNNING = '<span class="ok">running</span>'
_DOWN = '<span class="bad">down</span>'


async def serve(
    listener: socket.socket, addresses: Addresses, health: HealthReader
) -> web.AppRunner:
    """Answer on a bound socket until the runner is cleaned up."""

    async def healthz(_request: web.Request) -> web.Response:
        found = await health.read()
        return web.json_response(found.document(), status=200 if found.is_well else 503)

    async def page(_request: web.Request) -> web.Response:
        text = render(addresses, await health.read())
        headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"}
        return web.Response(text=text, content_type="text/html", headers=headers)

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/", page)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    return runner


def render(addresses: Addresses, health: Health) -> str:
    """Give the page, which asks for itself again every two seconds."""
    colour, word = ("ok", "ready") if health.is_well else ("bad", health.phase)
    problems = "".join(f'<p class="bad">{escape(problem)}</p>' for problem in health.problems)
    places = "".join(
        f"<tr><td>{name}</td><td>{_place(name, escape(address))}</td></tr>"
        for name, address in addresses.shown().items()
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Wallet Streams</title>'
        '<meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="2">'
        f"<style>{_STYLE}</style></head><body>"
        f'<h1>Wallet Streams is <span class="{colour}">{escape(word)}</span></h1>{problems}'
        f"<h2>Processes</h2>{_processes(health)}"
        f"<h2>Commands waiting</h2>{_lag(health)}"
        f"<h2>Addresses</h2><table>{places}</table>"
        '<p class="note">A development setup. As JSON: <a href="/healthz">/healthz</a></p>'
        "</body></html>"
    )


def _place(name: str, address: str) -> str:
    """An address; the one that people look at with a browser leads there."""
    return f'<a href="{address}">{address}</a>' if name == "console" else f"<code>{address}</code>"


def _processes(health: Health) -> str:
    rows = "".join(
        f'<tr><td>{escape(each.name)}</td><td class="n">{each.pid or "-"}</td>'
        f"<td>{_RUNNING if each.running else _DOWN}</td>"
        f'<td class="n">{each.restarts}</td><td class="n">{each.uptime_seconds:.0f} s</td></tr>'
        for each in health.processes
    )
    head = '<tr><th>name<th class="n">pid<th>state<th class="n">restarts<th class="n">up</tr>'
    return f"<table>{head}{rows}</table>"


def _lag(health: Health) -> str:
    rows = "".join(
        f'<tr><td>{escape(each.topic)}</td><td class="n">{each.partition}</td>'
        f'<td class="n">{each.next_offset}</td><td class="n">{each.log_end}</td>'
        f'<td class="n">{each.lag}</td></tr>'
        for each in health.lag
    )
    numbers = "".join(f'<th class="n">{name}' for name in ("partition", "next", "end", "lag"))
    head = f"<tr><th>topic{numbers}</tr>"
    return f"<table>{head}{rows}</table>"
