"""Every scenario of the list has a test that names it."""

from tests.eventstore.conformance.scenarios import SCENARIOS, marked


def test_every_scenario_has_a_test():
    assert list(SCENARIOS) == list(range(1, 53))
    tests = marked()
    assert {number: said for number, said in SCENARIOS.items() if number not in tests} == {}


def test_no_test_names_a_scenario_that_there_is_not():
    assert set(marked()) - set(SCENARIOS) == set()


def test_a_scenario_without_a_test_would_be_seen(tmp_path):
    (tmp_path / "test_one.py").write_text(
        "class TestIt:\n"
        "    @pytest.mark.scenario(1, 2)\n"
        "    def test_this(self): ...\n"
        "    @pytest.mark.scenario(3)\n"
        "    def not_a_test(self): ...\n"
        "@pytest.mark.scenario(2)\n"
        "def test_that(): ...\n"
    )
    this, that = "test_one.py::TestIt::test_this", "test_one.py::test_that"
    assert marked(tmp_path) == {1: [this], 2: [this, that]}
