"""The models of the two write protocols: what holds, what each mutant is refuted by, and that it names the scripts there are."""

import re

import protocol
import pytest


@pytest.mark.parametrize("run", protocol.CHECKS + protocol.MUTANTS, ids=lambda run: run.name.replace(" ", "-"))
def test_the_protocol_holds_and_each_mutant_is_refuted(run, record_property):
    result = protocol.execute(run)
    record_property("row", protocol.row(run, result))
    assert protocol.finding(run, result) == ""


def test_every_script_is_modelled_or_left_out_with_a_reason():
    for model, folder in protocol.SCRIPTS.items():
        scripts = {path.stem for path in folder.glob("*.lua")}
        modelled = protocol.named_scripts(model)
        irrelevant = set(protocol.IRRELEVANT) if model == protocol.CUSTOMERS else set()
        assert not modelled & irrelevant
        assert scripts == modelled | irrelevant


def test_every_switch_of_a_mutant_is_in_the_model():
    for run in protocol.CHECKS + protocol.DEEP + protocol.MUTANTS:
        text = (protocol.HERE / run.model).read_text(encoding="utf-8")
        for switch in re.findall(r"-D(\w+)", run.switches):
            assert re.search(rf"\b{switch}\b", text), f"{run.name}: the model has no {switch}"


def test_a_result_is_read_as_what_it_is():
    assert protocol.parse("pan:1: assertion violated I2 (at depth 9)\nerrors: 1\n 12 states, stored").refuted_by == "I2"
    assert protocol.parse("pan:1: invalid end state (at depth 9)\nerrors: 1").refuted_by == "end state"
    assert protocol.parse("pan:1: non-progress cycle (at depth 9)\nerrors: 1").refuted_by == "cycle"
    assert not protocol.parse("error: max search depth too small\nerrors: 0").complete
    assert not protocol.parse("").complete
    whole = protocol.parse("invalid end states\t+\nnon-progress cycles\t+\nState-vector 1 byte, depth reached 7, errors: 0\n 12 states, stored")
    assert whole.complete and whole.refuted_by == "" and (whole.states, whole.depth) == (12, 7)
