"""The bugs that are planted, where each is looked for, and what has to be said when it is found."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sweep import planted
from sweep.deaths import EVERY
from sweep.planted import Patch
from sweep.points import Plan, Points
from sweep.runs import Outcome, interleaved, play, singles
from sweep.scenarios import Scenario


@dataclass(frozen=True)
class Runs:
    """Where to look: the faults with these modes at the points with these words. No mode: undisturbed.

    Or else two replicas at once, with as many seeds.
    """

    scenario: str = ""
    modes: tuple[str, ...] = ()
    at: str = ""
    seeds: int = 0

    def plays(self) -> list[Callable[[], Outcome]]:
        """To be asked for without the mutant: with it, the points may be others."""
        if self.seeds:
            return [partial(interleaved, seed) for seed in range(self.seeds)]
        scenario = EVERY[self.scenario]
        if not self.modes:
            return [partial(play, scenario)]
        return [partial(_planned, scenario, plan) for plan in self.plans()]

    def plans(self) -> list[Plan]:
        found = singles(EVERY[self.scenario])
        plans = [plan for name, plan in found if name.startswith(self.modes) and self.at in name]
        assert plans, f"there is no such run: {self}"
        return plans


def _planned(scenario: Scenario, plan: Plan) -> Outcome:
    return play(scenario, Points(plan))


@dataclass(frozen=True)
class Mutant:
    """`words`: what one of the runs has to say of it. That the changed code breaks by itself does not count."""

    name: str
    plant: Callable[[], Patch]
    runs: Runs
    words: str

    def noticed(self, outcome: Outcome) -> bool:
        return any(self.words in violation for violation in outcome.violations)


_DEAD = ("dies before", "dies after")
_SENT = ("lost", "dies after")
_TAKEN = "number taken first, without Sys.Audit"
_LATE_CREATE = Runs("deploy template", ("late",), "create")
_LATE_REMOVAL = Runs("made anew, then it fails", ("late",), " destroy ")
_ACKNOWLEDGED = Runs("deploy template", ("away",), "ack provisioner-commands")
MUTANTS = tuple(
    Mutant(name, plant, runs, words)
    for name, plant, runs, words in (
        (
            "number not claimed before the create",
            planted.number_not_claimed,
            Runs("deploy template"),
            "which was not claimed",
        ),
        (
            "UPID not appended before it is followed",
            planted.upid_not_appended,
            Runs("start"),
            "is followed and not in the log",
        ),
        (
            "marker not checked",
            planted.marker_not_checked,
            Runs(_TAKEN, ("dies after",), "create"),
            "of a stranger's guest",
        ),
        ("new number on a retry", planted.new_number_on_retry, _LATE_CREATE, "2 containers were made"),
        ("intent after the effect", planted.intent_after_effect, Runs("stop"), "is sent without an intent of its own"),
        (
            "empty list is proof",
            planted.empty_list_is_proof,
            Runs("delete during a deployment", ("late",), " start "),
            "after an unanswered start",
        ),
        (
            "list taken as proof without Sys.Audit",
            planted.unseen_is_idle,
            Runs(_TAKEN, _SENT, "create"),
            "undecided: {'pct unlock",
        ),
        (
            "own clock instead of the node's",
            planted.own_clock,
            Runs("start", ("never", "dies before"), " start "),
            "op-start failed",
        ),
        (
            "opposite call too early",
            planted.opposite_too_early,
            Runs("restart", ("late",), " shutdown "),
            "after an unanswered shutdown",
        ),
        ("create too early after a destroy", planted.create_never_waits, _LATE_REMOVAL, "after an unanswered destroy"),
        (
            "what was removed once is gone for good",
            planted.removed_for_good,
            Runs("made anew, then it fails"),
            "in the end",
        ),
        (
            "outcome dropped on a conflict",
            planted.outcome_dropped,
            Runs("cancel in the middle"),
            "a call that was answered counts as unanswered",
        ),
        (
            "command acknowledged before the append",
            planted.ack_before_append,
            Runs("stop", _DEAD),
            "op-stop has 0 ends",
        ),
        ("takeover although the lease lives", planted.takeover_from_the_living, Runs(seeds=60), "which lives"),
        ("repeat with another identity", planted.another_identity, _LATE_CREATE, "goes to pve1"),
        (
            "'already exists' is a stranger",
            planted.exists_is_foreign,
            Runs("deploy template", ("held",), "create"),
            "2 containers were made",
        ),
        ("evidence ignored", planted.evidence_ignored, Runs("start", ("never",), " start "), "op-start failed"),
        ("lock gone is success", planted.unlocked_is_done, Runs("create dies late"), "is not whole"),
        (
            "silence is gone",
            planted.unanswered_is_gone,
            Runs("delete", ("unanswered",), "guest_config"),
            "is left without an application",
        ),
        ("baseline left to a later look", planted.configuration_not_kept, Runs("adopt"), "has no baseline"),
        ("a command decided twice", planted.command_twice, _ACKNOWLEDGED, "op-deploy has 2 ends"),
        ("append without the expected sequence", planted.expectation_ignored, Runs(seeds=60), "a gap in the history"),
        (
            "repeated while it runs",
            planted.repeated_while_it_runs,
            Runs("slow deployment", ("lost",), "create"),
            "create is sent while",
        ),
        (
            "silence is failure",
            planted.told_off_by_silence,
            Runs("deploy template", ("lost",), "create"),
            "op-deploy failed",
        ),
        ("dead runner not replaced", planted.runner_not_replaced, Runs("start", _DEAD, " start "), "not over within"),
    )
)
