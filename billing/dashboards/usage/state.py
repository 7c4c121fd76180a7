"""What a page shows, as its address says it: read from a request, written into links. Pure.

The address is the whole state: who opens it sees the same, and Back goes to what was before. What
is as it is by default is not in it, so each state has one address.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from urllib.parse import urlencode

from billing.dashboards import unknown
from billing.dashboards.grains import GRAINS, grain_for
from billing.dashboards.ranges import DEFAULT, MONTHLY, OFF, Range, read_range
from billing.invoicing.charging.schedule import Cycle

RANGE = ("range", "from", "to")
OF_RANGE = (*RANGE, "grain")  # which another range need not suit
NAMES = (*OF_RANGE, "compare", "metric", "by", "sort")


@dataclass(frozen=True, slots=True)
class Choices:
    """What there is to choose on a page; of each, the first is what is shown by default."""

    metric: tuple[str, ...] = ("",)
    by: tuple[str, ...] = ("",)
    sort: tuple[str, ...] = ("",)


@dataclass(frozen=True, slots=True)
class State:
    """What was asked for, and understood. ``said`` is that as parameters, without defaults."""

    range: Range
    metric: str
    by: str
    sort: str
    said: Mapping[str, str] = field(default_factory=dict)
    messages: tuple[str, ...] = ()

    @property
    def is_compared(self) -> bool:
        return self.range.is_compared

    @property
    def query(self) -> str:
        """Return the query of this state's own address, with its question mark; or nothing."""
        return self.link()

    def link(self, **changes: str | None) -> str:
        """Return the query of what differs so from this state; None goes back to the default.

        A range takes the place of days of one's own choice, and they of a range.
        """
        said = dict(self.said)
        if changes.keys() & set(RANGE):
            said = {name: value for name, value in said.items() if name not in OF_RANGE}
        said |= {name: value or "" for name, value in changes.items()}
        if said.get("grain") == grain_for(self.range.shown):
            del said["grain"]
        kept = {name: said[name] for name in NAMES if said.get(name)}
        return f"?{urlencode(kept)}" if kept else ""

    @property
    def hidden(self) -> list[tuple[str, str]]:
        """Return what a form that asks for other days takes along."""
        return [(name, value) for name, value in self.said.items() if name not in OF_RANGE]


def read_state(
    asked: Mapping[str, str],
    *,
    today: date,
    choices: Choices,
    cycle: Cycle = MONTHLY,
    default: str = DEFAULT,
) -> State:
    """Return the state that a query asks for; what it cannot mean is left out, with a message."""
    shown = read_range(asked, today=today, cycle=cycle, default=default)
    known = _known(choices)
    chosen = {
        name: value if (value := asked.get(name, "")) in values else values[0]
        for name, values in known.items()
    }
    said = {name: value for name, value in chosen.items() if value != known[name][0]}
    messages = unknown.messages(asked, {**known, "grain": GRAINS}, first=shown.message)
    shown = shown.by(asked.get("grain", ""))
    if shown.grain != grain_for(shown.shown):
        said["grain"] = shown.grain
    if asked.get("compare") == OFF:
        shown = shown.alone()
        said["compare"] = OFF
    return State(
        range=shown,
        **chosen,
        said=_said_range(asked, shown, default) | said,
        messages=tuple(messages),
    )


def _known(choices: Choices) -> Mapping[str, tuple[str, ...]]:
    return {"metric": choices.metric, "by": choices.by, "sort": choices.sort}


def _said_range(asked: Mapping[str, str], shown: Range, default: str) -> dict[str, str]:
    if shown.message or shown.preset == default:
        return {}
    if shown.preset:
        return {"range": shown.preset}
    return {"from": asked.get("from", ""), "to": asked.get("to", "")}
