"""What is different between two versions of a plan, in sentences. Pure."""

from collections.abc import Iterator, Mapping


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Return a sentence for each difference of what two versions say, by the name of what it is.

    In the order of the later version; what it leaves out comes last.
    """
    return [*_changed(before, after), *_gone(before, after)]


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for name, said in after.items():
        if name not in before:
            yield f"{name}: new, {said}."
        elif before[name] != said:
            yield f"{name}: {said}; it was {before[name]}."


def _gone(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for name, said in before.items():
        if name not in after:
            yield f"{name}: no more; it was {said}."
