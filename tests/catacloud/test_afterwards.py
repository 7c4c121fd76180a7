import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from catacloud.afterwards import AfterwardsMiddleware, afterwards

pytestmark = pytest.mark.django_db  # Django looks after its connections when a response is closed


def answered(*deeds):
    """Answer a request during which these were said to be done afterwards."""

    def view(request):
        for deed in deeds:
            afterwards(deed)
        return HttpResponse("fine")

    return AfterwardsMiddleware(view)(RequestFactory().get("/"))


def failing():
    raise RuntimeError("Valkey has burnt down")


def test_what_nobody_waits_for_is_done_when_the_answer_has_gone_out():
    done = []
    response = answered(lambda: done.append(1), lambda: done.append(2))
    assert done == []
    response.close()
    assert done == [1, 2]


def test_a_deed_that_fails_is_logged_and_keeps_no_other_from_its_turn(caplog):
    done = []
    answered(failing, lambda: done.append(1)).close()
    assert done == [1]
    assert "burnt down" in caplog.text


def test_without_a_request_it_is_done_at_once():
    done = []
    afterwards(lambda: done.append(1))
    assert done == [1]


def test_a_request_that_fails_leaves_nothing_to_the_next_one():
    def view(request):
        afterwards(failing)
        raise LookupError

    with pytest.raises(LookupError):
        AfterwardsMiddleware(view)(RequestFactory().get("/"))
    test_without_a_request_it_is_done_at_once()
