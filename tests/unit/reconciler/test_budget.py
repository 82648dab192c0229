"""At most so many requests in any minute: whatever is asked for, repeated or taken over."""

from proximity_reconciler.budget import FIRST, Budget, Shares
from proximity_reconciler.looking import PROOF, REQUESTS


def sent(budget: Budget) -> int:
    """How many are left now, all taken."""
    count = 0
    while budget.take():
        count += 1
    return count


def test_no_minute_has_more_requests_than_allowed_whatever_is_asked_for() -> None:
    now = 0.0
    budget = Budget(45, lambda: now)
    spent: list[float] = []
    while now < 300:
        spent += [now] * budget.take()
        spent += [now] * (2 * budget.take_look(2))
        assert len([at for at in spent if at > now - 60]) <= 45
        now += 0.1
    assert len(spent) >= 45 * 4


def test_looks_leave_the_list_and_the_tasks_their_share() -> None:
    budget = Budget(45, lambda: 0.0)
    looks = 0
    while budget.take_look(urgent=True):
        looks += 1
    assert looks == 15
    assert all(budget.take() for _ in range(30))
    assert not budget.take()


def test_what_is_only_looked_at_again_leaves_half_for_what_has_just_happened() -> None:
    budget = Budget(45, lambda: 0.0)
    again = 0
    while budget.take_look(2):
        again += 2
    assert again == 8
    assert all(budget.take_look(urgent=True) for _ in range(7))
    assert not budget.take_look(urgent=True)


def test_the_smallest_budget_affords_a_whole_proof_that_is_not_urgent() -> None:
    assert Budget(15, lambda: 0.0).take_look(REQUESTS + PROOF)


def test_a_look_that_is_not_left_takes_nothing() -> None:
    budget = Budget(45, lambda: 0.0)
    assert sent(budget) == 45
    assert not budget.take_look()


def test_tasks_are_asked_for_less_often_while_there_is_much_to_look_at() -> None:
    budget = Budget(45, lambda: 0.0)
    quiet = budget.tasks_every(2.0)
    while budget.take_look(urgent=True):
        pass
    assert 2.0 <= quiet < 2.3
    assert budget.tasks_every(2.0) == 4.0
    assert budget.list_every(1.0) == 5.0


def test_what_has_just_happened_finds_a_request_left_while_others_are_looked_at_again_all_the_time() -> None:
    """Asked as a watch of many applications asks."""
    now, refused = 0.0, 0
    budget = Budget(45, lambda: now)
    due = {"list": 0.0, "tasks": 0.0, "members": 0.0, "crash": 120.0}
    while now < 600:
        if now >= due["list"]:
            due["list"] = now + budget.list_every(5.0)
            budget.take()
        if now >= due["members"]:
            due["members"] = now + 30.0
            budget.take()
        if now >= due["tasks"]:
            due["tasks"] = now + (budget.tasks_every(2.0) if budget.take_tasks() else 1.0)
        if now >= due["crash"]:
            due["crash"] = now + 150.0
            refused += not budget.take_look(Shares.of(45).spare, urgent=True)
        budget.take_look(2)
        now += 0.25
    assert refused == 0


def test_a_quiet_minute_has_requests_left_for_a_proof_and_for_what_explains_a_change() -> None:
    """Asked as a watch asks: the members and whether a number is free, and early for the tasks, each now and then."""
    now, refused = 0.0, list[str]()
    budget = Budget(45, lambda: now)
    due = {"list": 0.0, "tasks": 0.0, "members": 0.0, "proof": 120.0, "early": 140.0}
    while now < 1200:
        if now >= due["list"]:
            due["list"] = now + budget.list_every(5.0)
            refused += [] if budget.take() else ["list"]
            budget.take_aside()
        if now >= due["members"]:
            due["members"] = now + 30.0
            refused += [] if budget.take() else ["members"]
        if now >= due["tasks"]:
            due["tasks"] = now + (budget.tasks_every(2.0) if budget.take_tasks() else 1.0)
        if now >= due["proof"]:
            due["proof"] = now + 97.0
            refused += [] if budget.take() and budget.take_look() else ["proof"]
        if now >= due["early"]:
            due["early"] = now + 101.0
            refused += [] if budget.take_look(urgent=True) and budget.take_tasks(early=True) else ["early"]
        now += 0.25
    assert refused == []


def test_who_takes_over_begins_with_a_look_at_everything_and_gets_the_rest_within_a_minute() -> None:
    now = 1000.0
    budget = Budget(45, lambda: now, successor=True)
    assert sent(budget) == FIRST
    came_back = []
    for second in range(1, 60):
        now = 1000.0 + second
        came_back.append(sent(budget))
    assert FIRST + sum(came_back) <= 45
    assert max(came_back) == 1, "evenly"
    assert sum(came_back) >= 45 - FIRST - 1


def test_who_takes_over_has_requests_left_for_looks_beside_the_list_and_the_tasks() -> None:
    """In its first minute, asked as a watch asks."""
    now = 0.0
    budget = Budget(45, lambda: now, successor=True)
    due = {"list": 0.0, "tasks": 0.0}
    lists = looks = 0
    while now < 60:
        if now >= due["list"]:
            due["list"] = now + budget.list_every(5.0)
            lists += budget.take()
        if now >= due["tasks"]:
            due["tasks"] = now + (budget.tasks_every(2.0) if budget.take_tasks() else 1.0)
        looks += budget.take_look(2)
        now += 0.25
    assert lists == 12
    assert looks >= 3


def test_who_leads_no_more_has_nothing_to_spend() -> None:
    budget = Budget(45, lambda: 0.0)
    budget.leads = lambda: False
    assert not budget.take()
    assert not budget.take_look()
    budget.leads = lambda: True
    assert sent(budget) == 45


def looks_left(minutes: int, *, aside: bool) -> list[int]:
    """How many urgent looks are left each time that something happens, asked as a watch asks with many applications.
    `aside`: thousands of guests wait to be asked for their addresses.
    """
    now = 0.0
    budget = Budget(45, lambda: now)
    due = {"list": 0.0, "tasks": 0.0, "members": 0.0, "crash": 150.0}
    left: list[int] = []
    sent: list[float] = []
    while now < minutes * 60:
        if now >= due["list"]:
            due["list"] = now + budget.list_every(5.0)
            sent += [now] * budget.take()
        if now >= due["members"]:
            due["members"] = now + 30.0
            sent += [now] * budget.take()
        if now >= due["tasks"]:
            due["tasks"] = now + budget.tasks_every(2.0)
            sent += [now] * budget.take()
            if aside:
                sent += [now] * budget.take_aside()
        if now >= due["crash"]:
            due["crash"] = now + 150.0
            left.append(0)
            while budget.take_look(urgent=True):
                left[-1] += 1
            sent += [now] * left[-1]
        now += 0.25
        assert len([at for at in sent if at > now - 60]) <= 45
    return left


def test_what_is_asked_aside_leaves_as_many_looks_for_what_has_just_happened() -> None:
    without, beside = looks_left(30, aside=False), looks_left(30, aside=True)
    assert len(beside) > 10
    assert min(beside) >= min(without) >= Shares.of(45).spare


def test_many_that_wait_are_asked_aside_at_a_pace_that_leaves_the_tasks_their_share() -> None:
    now, asked = 0.0, 0
    budget = Budget(45, lambda: now)
    due = {"list": 0.0, "tasks": 0.0}
    tasks = 0
    while now < 600:
        if now >= due["list"]:
            due["list"] = now + budget.list_every(5.0)
            assert budget.take()
        if now >= due["tasks"]:
            due["tasks"] = now + budget.tasks_every(2.0)
            tasks += budget.take()
            asked += budget.take_aside()
        now += 0.25
    assert asked >= 10 * Shares.of(45).aside * 0.8
    assert tasks >= 10 * Shares.of(45).tasks
