"""One network on as many devices as there are: a residual net with the activation as argument, trained by Lightning Fabric.

::

    net = ResNet("gelu", shape=(1, 28, 28), classes=10)
    run = fit(net, "digits", Recipe(steps=600), folder="runs/gelu")       # killed? the same call goes on
    run = fit(net, "digits", Recipe(steps=600), devices=2, strategy="ddp")  # in a script: two processes

The order of examples, the batch statistics and so the losses do not depend on the number of processes, except for
rounding. Fabric is imported when `fit` is called.
"""

from activations.scale_up.fitting import fit, images
from activations.scale_up.measure import memory, spreads
from activations.scale_up.network import Block, GlobalBatchNorm, ResNet
from activations.scale_up.recipe import Recipe, Run

__all__ = ["Block", "GlobalBatchNorm", "Recipe", "ResNet", "Run", "fit", "images", "memory", "spreads"]
