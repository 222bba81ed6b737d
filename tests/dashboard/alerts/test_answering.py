"""Questions of rules answered from one reading: shared, narrowed, bounded."""

from __future__ import annotations

from dashboard.alerts.answering import MOST_MEMBERS, Answers, Facts
from dashboard.alerts.evaluate import Resolve, Standing, evaluate_readings
from dashboard.alerts.readings import Observation
from dashboard.alerts.rule import Question, Rule
from ingest.folds.cells import Counter
from tests.dashboard.alerts.sums import handled, make

SUCCESS = Counter.SUCCESS


def facts(count: int) -> Facts:
    told = [handled(f"c{n:03}", {SUCCESS: n + 1}, type=f"T{n % 2}") for n in range(count)]
    return Facts(window=make(*told), known=True)


def test_rules_that_ask_the_same_share_the_answer() -> None:
    answers = Answers(facts(3))
    question = Question("error_rate", "consumer")
    assert answers.readings(question) is answers.readings(Question("error_rate", "consumer"))
    assert list(answers.questions()) == [question]


def test_what_narrows_the_members_and_what_narrows_the_rest() -> None:
    answers = Answers(facts(12))
    own = answers.readings(Question("retries", "consumer", (("consumer", ("c00[1-3]", "c01*")),)))
    assert own.subjects == ("c001", "c002", "c003", "c010", "c011")
    even = answers.readings(Question("retries", "consumer", (("type", ("T0",)),), ("c00*",)))
    assert even.subjects == ("c000", "c002", "c004", "c006", "c008")


def test_members_are_bounded_open_ones_first_and_the_rest_is_counted() -> None:
    question = Question("error_rate", "consumer")
    found = Answers(facts(MOST_MEMBERS + 50), {question: {"c000"}}).readings(question)
    assert (len(found.subjects), found.left_out) == (MOST_MEMBERS, 50)
    assert "c000" in found.subjects
    assert (
        "c001"
        not in Answers(facts(MOST_MEMBERS + 50)).readings(Question("retries", "consumer")).subjects
    )


def test_what_a_narrowed_rule_has_open_beyond_its_names_ends() -> None:
    """It would be 0 for ever, which is below any limit."""
    rule = Rule(
        "r", "R", "retries", above=None, below=5, clear=6, unit="count", severity="warning",
        explanation="", members=("c00[01]",),
    )  # fmt: skip
    readings = Answers(facts(3)).readings(rule.question)
    standings = [
        Standing(n, "r", name, "firing", 0, 0, 0) for n, name in enumerate(("c001", "c002", "gone"))
    ]
    intents = evaluate_readings([(rule, readings)], standings, 1000)
    ended = {i.before.subject: i.reason for i in intents if isinstance(i, Resolve)}
    assert ended == dict.fromkeys(("c002", "gone"), "The rule is no longer for this.")


def test_listed_members_are_narrowed_by_their_labels() -> None:
    listed = [
        Observation("backlog", f"{name} on {topic}", 5.0, labels={"consumer": name, "topic": topic})
        for name, topic in (("a", "orders"), ("b", "orders"), ("a", "bills"))
    ]
    answers = Answers(Facts(listed={"backlog": listed}))
    found = answers.readings(Question("backlog", "", (("topic", ("ord*",)), ("consumer", ("a",)))))
    assert found.subjects == ("a on orders",)
    assert answers.readings(Question("backlog", members=("* on bills",))).subjects == (
        "a on bills",
    )


def test_a_member_beyond_the_listed_ones_is_unknown() -> None:
    found = Answers(Facts(listed={"breaker": []})).readings(Question("breaker"))
    assert found.find("gone").value is None
