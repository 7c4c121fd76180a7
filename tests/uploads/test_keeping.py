"""Whatever happens to uploads, what is metered are the bytes that are kept."""

from contextlib import suppress

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from billing.metering.folding.saga import stored_bytes
from eventstore import feed
from tests.factories import make_organisation
from tests.uploads.examples import HOUR, NOON, begin, final, partial, put
from uploads import collecting, creating, ending, quota, receiving
from uploads.file import GONE, Kind, NoSuchFile, Status
from uploads.models import FilePart, Segment, UploadedFile
from uploads.protocol import Refusal

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def acme():
    return make_organisation("Acme")


def metered(organisation, *, unfinished):
    events = feed.read_log(tenant_id=organisation.id)
    return sum(stored_bytes(recorded.event, unfinished=unfinished) for recorded in events)


def reachable(organisation, *, unfinished):
    """Return the bytes of segments that an upload or a file still has: an independent count."""
    files = UploadedFile.objects.filter(organisation=organisation).exclude(status__in=GONE)
    complete = set(
        files.filter(status=Status.COMPLETE).exclude(kind=Kind.PARTIAL).values_list("id", flat=True)
    )
    of_files = complete | set(
        FilePart.objects.filter(file_id__in=complete).values_list("part_id", flat=True)
    )
    of_all = of_files | set(files.values_list("id", flat=True))
    wanted = of_all if unfinished else of_files
    return sum(Segment.objects.filter(upload_id__in=wanted).values_list("size", flat=True))


def check(organisation):
    for unfinished in (True, False):
        assert metered(organisation, unfinished=unfinished) == reachable(
            organisation, unfinished=unfinished
        )
    assert quota.kept(organisation) == reachable(organisation, unfinished=True)


def test_a_final_copies_no_byte_and_counts_once(acme, blob_root):
    parts = [partial(acme, b"hello "), partial(acme, b"world")]
    final(acme, *parts)
    assert sum(path.stat().st_size for path in blob_root.rglob("*") if path.is_file()) == 11
    assert metered(acme, unfinished=False) == 11
    check(acme)


def test_a_final_is_completed_when_it_is_posted_again_after_a_crash(acme, monkeypatch):
    part = begin(acme, kind=Kind.PARTIAL, length=5)
    file = final(acme, part)
    with monkeypatch.context() as crash:  # between the last part's transaction and the file's
        crash.setattr(creating, "finish_waiting", lambda **_: None)
        put(acme, part, b"hello")
    assert UploadedFile.objects.get(id=file).status == Status.OPEN
    assert final(acme, part) == file
    assert UploadedFile.objects.get(id=file).status == Status.COMPLETE


def test_two_files_of_one_part_count_it_once_until_both_are_gone(acme):
    part = partial(acme, b"hello")
    first, second = final(acme, part), final(acme, part, part, metadata="name YQ==")
    assert metered(acme, unfinished=True) == 5
    ending.delete(organisation=acme, upload_id=first, now=NOON)
    assert metered(acme, unfinished=True) == 5
    ending.delete(organisation=acme, upload_id=second, now=NOON)
    assert metered(acme, unfinished=True) == 0
    check(acme)


def test_a_part_that_is_deleted_stays_in_its_file(acme, blob_root):
    part = partial(acme, b"hello")
    file = final(acme, part)
    ending.delete(organisation=acme, upload_id=part, now=NOON)
    collecting.collect(now=NOON)
    assert Segment.objects.filter(upload_id=part).exists()
    check(acme)
    ending.delete(organisation=acme, upload_id=file, now=NOON)
    assert collecting.collect(now=NOON) == 1
    assert not Segment.objects.exists()
    assert [path for path in blob_root.rglob("*") if path.is_file()] == []


def test_the_parts_of_a_deleted_file_go_with_it(acme):
    part = partial(acme, b"hello")
    ending.delete(organisation=acme, upload_id=final(acme, part), now=NOON)
    assert UploadedFile.objects.get(id=part).status == Status.DELETED
    check(acme)


def test_an_upload_that_expires_counts_no_more(acme):
    upload = begin(acme, length=10)
    put(acme, upload, b"hello")
    assert metered(acme, unfinished=True) == 5
    collecting.collect(now=NOON + 25 * HOUR)
    assert UploadedFile.objects.get(id=upload).status == Status.EXPIRED
    assert not Segment.objects.exists()
    assert quota.kept(acme) == 0
    check(acme)


def test_a_file_never_expires(acme):
    upload = begin(acme, length=5)
    put(acme, upload, b"hello")
    collecting.collect(now=NOON + 10_000 * HOUR)
    assert UploadedFile.objects.get(id=upload).status == Status.COMPLETE


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["plain", "partial", "put", "final", "delete", "expire", "collect"]),
        st.integers(0, 7),
        st.integers(0, 7),
    ),
    max_size=25,
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
def test_whatever_happens_what_is_metered_is_what_is_kept(blob_root, steps):
    organisation, uploads = make_organisation(), []
    for what, one, other in steps:
        with suppress(NoSuchFile, Refusal, receiving.Outrun):
            _step(organisation, uploads, what, one, other)
        check(organisation)
    on_disk = {path.name for path in blob_root.rglob("*") if path.is_file()}
    assert {one.hex for one in Segment.objects.values_list("id", flat=True)} <= on_disk


def _step(organisation, uploads, what, one, other):
    def chosen(number):
        return uploads[number % len(uploads)]

    if what in ("plain", "partial"):
        uploads.append(begin(organisation, kind=Kind(what), length=one))
    elif what == "collect":
        collecting.collect(now=NOON)
    elif not uploads:
        return
    elif what == "put":
        put(organisation, chosen(one), b"x" * other)
    elif what == "final":
        uploads.append(final(organisation, chosen(one), chosen(other)))
    elif what == "delete":
        ending.delete(organisation=organisation, upload_id=chosen(one), now=NOON)
    elif what == "expire":
        UploadedFile.objects.filter(id=chosen(one), expires_at__isnull=False).update(
            expires_at=NOON - HOUR
        )
        ending.expire(organisation=organisation, upload_id=chosen(one), now=NOON)
