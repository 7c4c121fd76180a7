"""What a store of events has to pass: the list, and the mark by which a test names its scenario."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

SCENARIOS = {
    1: "An empty append does nothing; an unknown stream reads as empty",
    2: "The same version twice is a conflict; a batch with a duplicate writes nothing",
    3: "Reads after, up to, backwards and limited return exact windows",
    4: "Many processes append to a new stream at any version: all succeed",
    5: "No stream, an existing stream, a version too high or too low: typed errors",
    6: "Of writers with one expected version exactly one wins; the losers leave no rows",
    7: "Who loses takes no position, so no reader waits for it",
    8: "Two parallel creations of one stream: none is lost",
    9: "Success is never reported for an event that is not stored",
    10: "Repeating a committed append is a success; other or reordered events are refused",
    11: "Event ids that stand in another stream",
    12: "Batches of more than 1,000 events and 64k parameters, within seconds",
    13: "The events of one command get consecutive versions",
    14: "A failure in the middle of a batch writes nothing of it",
    15: "A lock timeout fires, and rolls back",
    16: "The server closes the connection: one retry succeeds, without a duplicate",
    17: "A timeout of a batch rolls everything back",
    18: "The database refuses to change or delete events",
    19: "A second exclusive writer waits or times out",
    20: "A command runs again on a conflict, with fresh state, up to so many attempts",
    21: "A saved state that is older than its stream is caught up before the command",
    22: "An exception in a command keeps neither events nor state",
    23: "A rollback drops events and state; announcements follow the commit",
    24: "The cache of states: hits, stale entries, conflicts, rollbacks, tenants, no sharing",
    25: "Concurrent loads of one cached state; a bad change does not reach the cache",
    26: "Concurrent loads that might share one read",
    27: "Snapshots: at the interval, crossed by several events, never, a save that fails",
    28: "Snapshots of another version, or that cannot be decoded, are ignored",
    29: "The state at a version equals a full replay up to it",
    30: "An error in the middle of a replay reaches the caller; nothing partial is cached",
    31: "A slow transaction with a lower position: nothing is skipped",
    32: "A position that was rolled back holds nobody up; many of them clear in one step",
    33: "A session that is idle in its transaction holds readers up, and is named",
    34: "Gaps are looked for in one statement, so in one snapshot",
    35: "A gap directly at the start is seen",
    36: "A rebuild during an append in flight waits and skips nothing",
    37: "Interleaved transactions of several appends have a safe horizon",
    38: "From catching up to live: nothing lost, nothing doubled",
    39: "A consumer that starts again gets only what it had not handled",
    40: "Two workers of one consumer: one works, the other takes over after a crash",
    41: "A checkpoint is moved by compare-and-set",
    42: "Of a consumer's checkpoint there is one, and it does not go back",
    43: "A handler that fails: back-off, retry, dead letter; failing to record is loud",
    44: "What a dead worker had begun goes to another, in order",
    45: "A lost connection for notifications: nothing is lost",
    46: "An event larger than a notification may be is stored",
    47: "An event that cannot be decoded stops the consumer, or is skipped, by policy",
    48: "A rebuild that was killed goes on from its checkpoints",
    49: "A new version of a projection replays without side effects up to the old mark",
    50: "A stream that was deleted leaves gaps which stop no checkpoint",
    51: "Old payloads are upcast on every path; a missing step or a future version is an error",
    52: "What is withdrawn of one subject or tenant touches no other",
}

TESTS = Path(__file__).resolve().parent.parent


def marked(folder: Path = TESTS) -> dict[int, list[str]]:
    """Return the tests of every scenario, as their ``@pytest.mark.scenario(…)`` names them."""
    found = defaultdict(list)
    for path in sorted(folder.rglob("test_*.py")):
        for node, owner in _tests(ast.parse(path.read_text())):
            for number in _numbers(node):
                found[number].append(f"{path.relative_to(folder)}::{owner}{node.name}")
    return dict(found)


def _tests(module: ast.Module) -> Iterator[tuple[ast.FunctionDef, str]]:
    for node in module.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node, ""
        elif isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef) and inner.name.startswith("test_"):
                    yield inner, f"{node.name}::"


def _numbers(test: ast.FunctionDef) -> Iterator[int]:
    for mark in test.decorator_list:
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.scenario":
            yield from (ast.literal_eval(number) for number in mark.args)
