"""What is different between two versions of a plan, in sentences. Pure."""

from collections.abc import Iterator, Mapping

from django.utils.translation import gettext


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Return a sentence for each difference of what two versions say, by the name of what it is.

    In the order of the later version; what it leaves out comes last.
    """
    return [*_changed(before, after), *_gone(before, after)]


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for name, said in after.items():
        if name not in before:
            yield gettext("{name}: new, {said}.").format(name=name, said=said)
        elif before[name] != said:
            text = gettext("{name}: {said}; it was {before}.")
            yield text.format(name=name, said=said, before=before[name])


def _gone(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for name, said in before.items():
        if name not in after:
            yield gettext("{name}: no more; it was {said}.").format(name=name, said=said)
