"""The report on models as packages ship them, built without their weights, with so many dead units planted in each layer."""

import numpy as np
import pandas as pd
import pytest
import torch
import transformers
from torch import nn
from torch.nn.utils.rnn import pack_sequence

from activations import probes

DEAD = -1000.0  # a bias that no input outweighs


def planted(bias, count):
    """Let the first units be negative whatever comes in."""
    with torch.no_grad():
        bias[:count] = DEAD


def looked_at(model, loader, **how):
    """The report's table by name."""
    return probes.report(model, loader, **how).table.set_index("name")


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


# ---------------------------------------------------------------- torch's own


@pytest.mark.parametrize("activation", ["relu", nn.ReLU(inplace=True), torch.relu])
@pytest.mark.parametrize("how", [{}, {"norm_first": True}, {"batch_first": True}], ids=str)
@pytest.mark.parametrize("training", [True, False])
def test_transformer_layers_of_torch(activation, how, training):
    layer = nn.TransformerEncoderLayer(16, 2, 32, activation=activation, **how)
    model = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False).train(training)
    for at, each in enumerate(model.layers):
        planted(each.linear1.bias, at + 4)
    x = torch.randn(6, 5, 16)
    found = probes.report(model, [x, x + 1])
    assert list(found.table.dead) == [4 / 32, 5 / 32, 6 / 32]
    assert list(found.table.units) == [32] * 3 and list(found.table.numbers) == [60] * 3
    assert list(found.table.after) == [f"layers.{at}.linear1" for at in range(3)]
    assert not found.unseen


def test_a_padded_text_is_looked_at_in_full_and_the_fast_path_is_back_afterwards():
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    model = nn.TransformerEncoder(layer, 2).eval()
    x, padding = torch.randn(3, 5, 16), torch.zeros(3, 5, dtype=torch.bool)
    padding[:, 3:] = True
    batch = {"src": x, "src_key_padding_mask": padding}
    assert list(looked_at(model, [batch]).numbers) == [15, 15]
    assert torch.backends.mha.get_fastpath_enabled()


def test_encoder_and_decoder_of_torch():
    model = nn.Transformer(16, 2, 2, 1, 32, activation="gelu", batch_first=True)
    planted(model.decoder.layers[0].linear1.bias, 8)
    found = looked_at(model, [(torch.randn(3, 5, 16), torch.randn(3, 4, 16))])
    assert list(found.index) == ["encoder.layers.0: gelu", "encoder.layers.1: gelu", "decoder.layers.0: gelu"]
    assert list(found.flat) == list(found.dead) == [0.0, 0.0, 8 / 32]
    assert list(found.numbers) == [15, 15, 12]


def test_recurrent_layers_of_torch_show_what_comes_out():
    x = torch.randn(7, 5, 4)
    rnn = nn.RNN(4, 6, num_layers=2, nonlinearity="relu")
    planted(rnn.bias_ih_l1, 2)
    report = probes.report(rnn, x)
    row, h = report.table.iloc[0], rnn(x)[0].detach().double()
    assert (row["dead"], row["units"], row["numbers"]) == (
        ((h == 0).flatten(0, 1).all(0)).double().mean(),
        6,
        35,
    )
    assert row["dead"] >= 2 / 6 and row["mean"] == pytest.approx(h.mean().item())
    assert "all layers but the last in one call" in report.unseen["RNN"]
    lengths = pack_sequence([torch.randn(n, 4) for n in (5, 3, 1)])
    both = probes.report(nn.Sequential(nn.GRU(4, 6, bidirectional=True)), [lengths])
    assert (both.table.units[0], both.table.numbers[0], both.table.function[0]) == (12, 9, "GRU output")
    cell = nn.LSTMCell(4, 6)
    assert probes.report(cell, x[0]).unseen == {
        "LSTMCell": "LSTMCell computes its gates and cells in one call of torch's; what comes out is counted"
    }


# ---------------------------------------------------------------- transformers: vision


def resnet(kind="basic"):
    sizes = {"embedding_size": 8, "hidden_sizes": [32, 64], "depths": [2, 1], "layer_type": kind}
    return transformers.ResNetForImageClassification(transformers.ResNetConfig(**sizes))


IMAGES = torch.randn(12, 3, 32, 32, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("kind", ["basic", "bottleneck"])
def test_a_residual_network_as_a_package_ships_it(kind):
    model = resnet(kind)
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:  # with the statistics of these images, nothing else is dead
        norm.momentum = None
    stage = model.resnet.encoder.stages
    planted(model.resnet.embedder.embedder.normalization.bias, 3)
    planted(stage[0].layers[1].layer[0].normalization.bias, 5)
    with torch.no_grad():
        model.train()(IMAGES)
    found = looked_at(
        model, [{"pixel_values": each, "labels": torch.zeros(len(each)).long()} for each in IMAGES.split(5)]
    )
    counts = (found.dead * found.units).round().astype(int)
    first = "resnet.embedder.embedder.activation"
    inner = "resnet.encoder.stages.0.layers.1.layer.0.activation"
    assert counts[counts > 0].to_dict() == {first: 3, inner: 5}
    by_hooks = {}
    for name, module in model.named_modules():
        if type(module) is nn.ReLU:
            module.register_forward_hook(
                lambda module, args, h, name=name: by_hooks.setdefault(name, h.detach())
            )
    with torch.no_grad():
        model.eval()(IMAGES)
    assert list(found.index) == list(by_hooks)
    for name, h in by_hooks.items():
        channels = h.movedim(1, 0).flatten(1)
        assert found.units[name] == len(channels) and found.numbers[name] == channels.shape[1]
        assert found.dead[name] == (channels == 0).all(1).double().mean()
        assert found.always_on[name] == (channels != 0).all(1).double().mean()
        assert found.zero[name] == pytest.approx((channels == 0).double().mean().item(), rel=1e-4)


# ---------------------------------------------------------------- transformers: language

TOKENS = torch.randint(0, 50, (8, 10), generator=torch.Generator().manual_seed(4))


@pytest.mark.parametrize("name", ["relu", "gelu_new", "gelu", "silu", "quick_gelu", "relu2"])
def test_a_language_model_as_a_package_ships_it(name):
    sizes = {"n_layer": 2, "n_embd": 32, "n_head": 2, "vocab_size": 50, "n_positions": 16, "bos_token_id": 0}
    model = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(**sizes, eos_token_id=0, activation_function=name)
    )
    planted(model.transformer.h[0].mlp.c_fc.bias, 11)
    planted(model.transformer.h[1].mlp.c_fc.bias, 7)
    batch = {"input_ids": TOKENS, "attention_mask": torch.ones_like(TOKENS), "labels": TOKENS}
    found = looked_at(model, [batch, batch])
    assert list(found.index) == ["transformer.h.0.mlp.act", "transformer.h.1.mlp.act"]
    wanted = {"gelu_new": "gelu, approximate tanh", "relu2": "squared_relu"}.get(name, name)
    assert list(found.function) == [wanted] * 2
    assert list(found.after) == ["transformer.h.0.mlp.c_fc", "transformer.h.1.mlp.c_fc"]
    assert list(found.dead) == [11 / 128, 7 / 128] and list(found.numbers) == [160, 160]


def test_gated_and_encoding_language_models():
    sizes = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "vocab_size": 50,
    }
    llama = transformers.LlamaForCausalLM(
        transformers.LlamaConfig(**sizes, pad_token_id=0, bos_token_id=0, eos_token_id=0)
    )
    found = looked_at(llama, TOKENS)
    assert list(found.function) == ["silu"] * 2 and list(found.after) == [
        f"model.layers.{at}.mlp.gate_proj" for at in (0, 1)
    ]
    found = looked_at(transformers.BertModel(transformers.BertConfig(**sizes)), {"input_ids": TOKENS})
    assert list(found.function) == ["gelu", "gelu", "tanh"] and list(found.numbers) == [80, 80, 8]
    assert found.index[2] == "pooler.activation"


def test_the_same_whatever_the_size_of_a_batch_and_again():
    model = resnet()
    once = probes.report(model, [IMAGES]).table
    assert once.equals(probes.report(model, [IMAGES]).table)
    parts = probes.report(model, IMAGES.split(5)).table
    counts = ["units", "numbers", "dead", "sparse", "always_on"]
    pd.testing.assert_frame_equal(once[counts], parts[counts])
    for column in ("mean", "sd", "pre_mean", "pre_sd", "pre_spread"):
        assert np.allclose(once[column], parts[column], rtol=1e-4, atol=1e-6)
