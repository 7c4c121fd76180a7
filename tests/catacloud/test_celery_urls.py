from catacloud.celery_urls import celery_url


def test_celery_has_its_own_words_for_a_socket() -> None:
    assert celery_url("unix:///a/v.sock?db=3") == "redis+socket:///a/v.sock?virtual_host=3"
    assert celery_url("redis://h:1/2") == "redis://h:1/2"
