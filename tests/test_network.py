"""The page's small network against torch: what goes up, what comes back, and what a hundred steps learn."""

import itertools

import numpy as np
import pytest
import torch

from activations import functions

UNITS = (3, 5, 4, 2)
RUN = """([activation, loss, units, inputs, targets, steps, rate]) => {
  const f = module.bind({ activation }), layers = module.dense(units, 1.5, module.normals(3));
  layers.forEach(({ b }, i) => b.forEach((_, j) => { b[j] = 0.1 * (i - j); }));
  const start = structuredClone(layers), one = module.forward(layers, f, inputs[0]);
  const back = module.backward(layers, f, one, module.LOSSES[loss](one.z.at(-1), targets[0]).delta);
  const first = module.gradient(layers, f, module.LOSSES[loss], inputs, targets), losses = [];
  for (let step = 0; step < steps; step++) {
    const now = module.gradient(layers, f, module.LOSSES[loss], inputs, targets);
    losses.push(now.loss);
    module.descend(layers, now.gradient, rate);
  }
  return { start, z: one.z, deltas: back.map((b) => b.delta), gradient: first.gradient, losses, end: layers };
}"""


@pytest.fixture
def page(modules):
    return modules("widgets/core/network.js", "widgets/core/activations.js")


def twin(start):
    """The same network in torch."""
    layers = []
    for about in start:
        layer = torch.nn.Linear(len(about["W"][0]), len(about["W"]), dtype=torch.float64)
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(about["W"], dtype=torch.float64))
            layer.bias.copy_(torch.tensor(about["b"], dtype=torch.float64))
        layers.append(layer)
    return layers


def up(layers, f, x):
    """Pre-activations of each layer, which keep their gradients."""
    z = []
    for layer in layers:
        z.append(layer(f(z[-1]) if z else x))
        z[-1].retain_grad()
    return z


def losses(kind, y, targets):
    if kind == "entropy":
        return torch.nn.functional.cross_entropy(y, targets)
    return ((y - targets) ** 2).sum(1).mean() / 2


@pytest.mark.parametrize("fan_in", [1, 3, 4, 6, 16])
def test_a_layer_for_many_examples_is_the_layer_for_each(page, fan_in):
    js = """(units) => {
      const [layer] = module.dense(units, 1.5, module.normals(3)), identity = module.bind({ activation: "identity" });
      layer.b = layer.b.map((_, i) => i / 3);
      const examples = Array.from({ length: 7 }, (_, k) => Array.from({ length: units[0] }, (_, j) => Math.sin(3 * k + j)));
      const below = examples[0].map((_, j) => Float64Array.from(examples, (x) => x[j]));
      return [module.through(layer, below).map((z) => [...z]), examples.map((x) => module.forward([layer], identity, x).z[0])];
    }"""
    together, each = page.evaluate(js, [fan_in, 5])
    np.testing.assert_allclose(np.transpose(together), each, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("loss", ["squared", "entropy"])
@pytest.mark.parametrize("name", functions.names())
def test_signal_gradient_and_training_are_torchs(page, name, loss):
    rng = np.random.default_rng(1)
    inputs = torch.tensor(rng.normal(size=(7, UNITS[0])))
    targets = (
        torch.tensor(rng.integers(2, size=7)) if loss == "entropy" else torch.tensor(rng.normal(size=(7, 2)))
    )
    steps, rate = 40, 0.05
    found = page.evaluate(RUN, [name, loss, UNITS, inputs.tolist(), targets.tolist(), steps, rate])
    layers, f = twin(found["start"]), functions.get(name)

    one = up(layers, f, inputs[:1])
    losses(loss, one[-1], targets[:1]).backward()
    for layer, (z, delta) in enumerate(zip(found["z"], found["deltas"], strict=True)):
        np.testing.assert_allclose(z, one[layer][0].detach(), rtol=1e-10, atol=1e-13)
        wanted = one[layer].grad
        np.testing.assert_allclose(
            delta, 0 * one[layer][0].detach() if wanted is None else wanted[0], rtol=1e-9, atol=1e-13
        )

    parameters = list(itertools.chain(*((layer.weight, layer.bias) for layer in layers)))
    optimiser, seen = torch.optim.SGD(parameters, lr=rate), []
    for step in range(steps):
        optimiser.zero_grad()
        value = losses(loss, up(layers, f, inputs)[-1], targets)
        value.backward()
        seen.append(value.item())
        if step == 0:
            flat = [g for layer in found["gradient"] for g in (layer["W"], layer["b"])]
            for got, parameter in zip(flat, parameters, strict=True):
                np.testing.assert_allclose(got, parameter.grad, rtol=1e-9, atol=1e-13)
        optimiser.step()
    np.testing.assert_allclose(found["losses"], seen, rtol=1e-8)
    np.testing.assert_allclose(found["end"][0]["W"], layers[0].weight.detach(), rtol=1e-7, atol=1e-9)


def test_the_same_seed_gives_the_same_normal_numbers(page):
    draw = "([seed, n]) => { const normal = module.normals(seed); return Array.from({ length: n }, normal); }"
    drawn = np.array(page.evaluate(draw, [5, 20000]))
    assert page.evaluate(draw, [5, 3]) == drawn[:3].tolist() != page.evaluate(draw, [6, 3])
    assert abs(drawn.mean()) < 0.03 and abs(drawn.std() - 1) < 0.02 and abs((drawn**4).mean() - 3) < 0.2
    assert np.abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 0.03


def test_weights_have_the_sd_that_is_asked_for(page):
    weights = np.array(page.evaluate("module.dense([400, 50], 2, module.normals(1))[0].W"))
    assert weights.shape == (50, 400) and weights.std() == pytest.approx(2 / 20, rel=0.02)
