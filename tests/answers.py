"""What all chapters' exercises are asked alike."""

import torch


def each_gets_its_own_answer(wrong):
    """Wrong answers are all refused, each for a reason of its own."""
    answers = [feedback.why for feedback in wrong]
    assert not any(feedback.right for feedback in wrong)
    assert len(set(answers)) == len(answers)


def same_at_every_call(patients):
    """A chapter's `patients` have the same weights whenever they are asked for."""
    first, again = patients(), patients()
    for name, network in first.items():
        for p, q in zip(network.parameters(), again[name].parameters(), strict=True):
            assert torch.equal(p, q)
