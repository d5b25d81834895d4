"""What all chapters' exercises are asked alike."""

import torch


def each_gets_its_own_answer(wrong):
    """Wrong answers are all refused, each for a reason of its own."""
    answers = [feedback.why for feedback in wrong]
    assert not any(feedback.right for feedback in wrong)
    assert len(set(answers)) == len(answers)


def each_wrong_diagnosis_is_contradicted(diagnose, right, name):
    """Every other illness that is said of a patient is refused, for a reason of its own that names the patient."""
    wrong = [diagnose(right | {name: illness}) for illness in {*right.values()} - {right[name]}]
    each_gets_its_own_answer(wrong)
    assert all(feedback.why.startswith(f"{name}: ") for feedback in wrong)


def same_at_every_call(patients):
    """A chapter's `patients` have the same weights whenever they are asked for."""
    first, again = patients(), patients()
    for name, network in first.items():
        for p, q in zip(network.parameters(), again[name].parameters(), strict=True):
            assert torch.equal(p, q)


def same_in_every_process(patients, made):
    """What has been drawn before has no part in a chapter's `patients`; `made` keeps them once they are made."""
    first = patients()
    made.cache_clear()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(99)
        for name, network in patients().items():
            now, before = network.state_dict(), first[name].state_dict()
            assert all(map(torch.equal, now.values(), before.values()))
