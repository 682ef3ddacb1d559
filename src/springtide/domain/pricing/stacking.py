"""How rules stand to each other: the order of application, and who never meets whom."""

import graphlib
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass

import msgspec

from springtide.domain.pricing.rule import LANES, ActiveRule, Lane
from springtide.kit.errors import N_, Refusal

_LANE_PREFIX = "lane:"


class UnknownInStack(Refusal):
    """A stacking that names a rule or a lane that is not there."""

    code = "stack_unknown"
    text = N_("There is no rule or lane “{name}” to stack with.")


class CyclicStack(Refusal):
    """Rules that each come after the other."""

    code = "stack_cyclic"
    text = N_("These rules each come after the other: {rules}.")


class AmbiguousStack(Refusal):
    """Two rules on one product without an order."""

    code = "stack_ambiguous"
    text = N_("{rule} and {other} may share a product, and it is not said which comes first.")


class ContradictoryStack(Refusal):
    """Two rules that may and may not meet."""

    code = "stack_contradictory"
    text = N_("{rule} and {other} are said to combine and to exclude each other.")


class AfterAcrossLanes(Refusal):
    """An order against the order of the lanes."""

    code = "stack_lanes"
    text = N_("{rule} cannot come after {other}: lanes have their own order.")


@dataclass(frozen=True, slots=True)
class Stacked:
    """Rules in the order of application; ``excludes`` and ``combines`` are masks over it."""

    rules: tuple[ActiveRule, ...]
    excludes: tuple[int, ...]
    combines: tuple[int, ...]


def ordered(rules: Iterable[ActiveRule], lanes: Mapping[str, int]) -> Stacked:
    """Return rules in the order of application: by lane, then ``after``, then id.

    Names of rules that are not here are passed over: they may be switched off. Raises
    CyclicStack when there is no such order.
    """
    by_id = {rule.id: rule for rule in sorted(rules, key=lambda rule: rule.id)}
    places: dict[str, int] = {}
    in_order: list[ActiveRule] = []
    for lane in sorted(set(lanes.values())):
        here = [rule_id for rule_id in by_id if lanes[rule_id] == lane]
        for rule_id in _topological(here, by_id):
            places[rule_id] = len(in_order)
            in_order.append(by_id[rule_id])
    excludes, combines = [0] * len(in_order), [0] * len(in_order)
    for rule in in_order:
        mine = places[rule.id]
        for name in rule.stacking.excludes:
            for other in _named(name, by_id, lanes):
                if other != rule.id:
                    excludes[mine] |= 1 << places[other]
                    excludes[places[other]] |= 1 << mine
        for other in rule.stacking.combines:
            if other in places and other != rule.id and lanes[other] == lanes[rule.id]:
                combines[mine] |= 1 << places[other]
                combines[places[other]] |= 1 << mine
    return Stacked(tuple(in_order), tuple(excludes), tuple(combines))


def without_missing(rule: ActiveRule, here: Container[str]) -> ActiveRule:
    """Return a rule whose stacking names only rules that are still here, and lanes."""

    def kept(names: Iterable[str]) -> tuple[str, ...]:
        return tuple(name for name in names if name in here or _is_lane(name))

    stack = rule.stacking
    if all(
        name in here or _is_lane(name) for name in (*stack.excludes, *stack.combines, *stack.after)
    ):
        return rule
    left = msgspec.structs.replace(
        stack,
        excludes=kept(stack.excludes),
        combines=kept(stack.combines),
        after=kept(stack.after),
    )
    return msgspec.structs.replace(rule, stacking=left)


def stacking_problems(rules: Iterable[ActiveRule], lanes: Mapping[str, int]) -> dict[str, Refusal]:
    """Return what is wrong with how rules stack, by rule id; empty when they may be saved."""
    by_id = {rule.id: rule for rule in rules}
    problems: dict[str, Refusal] = {}
    for rule in by_id.values():
        stack = rule.stacking
        for name in (*stack.excludes, *stack.combines, *stack.after):
            if name == rule.id or not (name in by_id or _is_lane(name)):
                problems[rule.id] = UnknownInStack(name=name[:60])
        for name in (*stack.combines, *stack.after):
            if name not in by_id:
                problems[rule.id] = UnknownInStack(name=name[:60])
        if rule.id not in problems and (wrong := _order_problem(rule, by_id, lanes)):
            problems[rule.id] = wrong
    if problems:
        return problems
    try:
        ordered(by_id.values(), lanes)
    except CyclicStack as cycle:
        return dict.fromkeys(str(cycle.facts["rules"]).split(", "), cycle)
    return _pair_problems(by_id, lanes)


def _is_lane(name: str) -> bool:
    return name.startswith(_LANE_PREFIX) and name.removeprefix(_LANE_PREFIX) in LANES


def _order_problem(
    rule: ActiveRule, by_id: Mapping[str, ActiveRule], lanes: Mapping[str, int]
) -> Refusal | None:
    for other in (*rule.stacking.after, *rule.stacking.combines):
        if lanes[other] != lanes[rule.id]:
            return AfterAcrossLanes(rule=rule.id, other=other)
    return None


def _pair_problems(by_id: Mapping[str, ActiveRule], lanes: Mapping[str, int]) -> dict[str, Refusal]:
    """Refuse pairs that combine without an order, or combine and exclude each other."""
    before = {rule_id: _ancestors(rule_id, by_id) for rule_id in by_id}
    problems: dict[str, Refusal] = {}
    for rule in by_id.values():
        shut_out = {each for name in rule.stacking.excludes for each in _named(name, by_id, lanes)}
        for other in rule.stacking.combines:
            back = by_id[other].stacking.excludes
            shut_out_by = {each for name in back for each in _named(name, by_id, lanes)}
            if other in shut_out or rule.id in shut_out_by:
                problems[rule.id] = ContradictoryStack(rule=rule.id, other=other)
            elif other not in before[rule.id] and rule.id not in before[other]:
                problems[rule.id] = AmbiguousStack(rule=rule.id, other=other)
    return problems


def _ancestors(rule_id: str, by_id: Mapping[str, ActiveRule]) -> set[str]:
    found: set[str] = set()
    waiting = [rule_id]
    while waiting:
        for other in by_id[waiting.pop()].stacking.after:
            if other in by_id and other not in found:
                found.add(other)
                waiting.append(other)
    return found


def _named(name: str, by_id: Mapping[str, ActiveRule], lanes: Mapping[str, int]) -> list[str]:
    if name.startswith(_LANE_PREFIX):
        lane = name.removeprefix(_LANE_PREFIX)
        place = LANES.index(Lane(lane)) if lane in LANES else -1
        return [rule_id for rule_id in by_id if lanes[rule_id] == place]
    return [name] if name in by_id else []


def _topological(here: list[str], by_id: Mapping[str, ActiveRule]) -> list[str]:
    """Order by ``after``; among those that may come next, the smallest id."""
    sorter = graphlib.TopologicalSorter(
        {rule_id: [o for o in by_id[rule_id].stacking.after if o in here] for rule_id in here}
    )
    try:
        sorter.prepare()
    except graphlib.CycleError as error:
        raise CyclicStack(rules=", ".join(sorted(set(error.args[1])))) from error
    found: list[str] = []
    ready: list[str] = []
    while sorter.is_active():
        ready = sorted([*ready, *sorter.get_ready()])
        found.append(ready[0])
        sorter.done(ready.pop(0))
    return found
