"""The log of a pass: at level DEBUG of the logger torch.autograd.graph, each node that runs."""

from __future__ import annotations

import logging
import re
from contextlib import contextmanager

from parity import data, parity


@contextmanager
def logged(level=logging.DEBUG):
    lines = []

    class Lines(logging.Handler):
        def emit(self, record):
            text = re.sub(" at 0x[0-9a-f]+", "", record.getMessage())
            lines.append((record.levelname, record.name, record.funcName, text))

    logger = logging.getLogger("torch.autograd.graph")
    handler, before = Lines(), (logger.level, logger.propagate)
    logger.addHandler(handler)
    logger.setLevel(level)
    logger.propagate = False
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before[0])
        logger.propagate = before[1]


def two_results(torch):
    class Two(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2, x * 3

        @staticmethod
        def backward(ctx, g, h):
            return g

    return Two


def nested(torch):
    class Nested(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            with torch.enable_grad():
                t = torch.ones(2, requires_grad=True)
                t.cos().sum().backward()
            return g

    return Nested


def twice(torch, x):
    (g,) = torch.autograd.grad((x**3).sum(), x, create_graph=True)
    g.sum().backward()


PASSES = {
    "backward": lambda torch, x: (x * x).exp().sum().backward(),
    "grad": lambda torch, x: torch.autograd.grad([x.sin().sum(), (x.double() * 2).sum()], x),
    "parts": lambda torch, x: x.chunk(3)[1].sum().backward(),
    "a leaf": lambda torch, x: x.backward(torch.ones(3)),
    "a leaf in a graph": lambda torch, x: (x * 2, x.backward(torch.ones(3)))[0],
    "a Function": lambda torch, x: two_results(torch).apply(x)[0].sum().backward(),
    "twice": lambda torch, x: twice(torch, x),
    "an edge": lambda torch, x: torch.autograd.grad(
        torch.autograd.graph.get_gradient_edge(x.sin()), x, torch.ones(3)
    ),
    "a pass in a pass": lambda torch, x: nested(torch).apply(x).sum().backward(),
    "a module": lambda torch, x: torch.nn.functional.linear(x, x[None], x[:1]).sum().backward(),
    "a batch": lambda torch, x: torch.autograd.grad(
        x * 2, x, torch.ones(2, 3), is_grads_batched=True
    ),
    "complex": lambda torch, x: (x * 1j).abs().sum().backward(),
    "half": lambda torch, x: x.half().sum().backward(),
    "a transform": lambda torch, x: torch.func.grad(lambda a: (a * a).sum())(x),
    "transforms": lambda torch, x: torch.func.grad(
        lambda b: torch.func.grad(lambda a: (a**3).sum())(b).sum()
    )(x),
    "vjp": lambda torch, x: torch.func.vjp(torch.sin, x.detach())[1](torch.ones(3)),
}


@parity(which=PASSES)
def test_each_node_is_logged(torch, which):
    x = data(torch, 3, grad=True)
    with logged() as lines:
        PASSES[which](torch, x)
    yield lines
    with logged(logging.INFO) as lines:
        PASSES[which](torch, x)
    yield lines


@parity
def test_hooks_of_the_user_come_first_and_nothing_stays(torch):
    x = data(torch, 3, grad=True)
    y = x.exp()
    y.grad_fn.register_prehook(lambda gs: (gs[0].double(),))
    with logged() as lines:
        y.sum().backward(retain_graph=True)
    yield lines
    with logged() as lines:
        logging.disable(logging.DEBUG)
        try:
            y.sum().backward(retain_graph=True)
        finally:
            logging.disable(logging.NOTSET)
        before = len(lines)
        y.sum().backward(retain_graph=True)
    yield before, len(lines)


@parity
def test_the_function_that_registers(torch):
    x = data(torch, 3, grad=True)
    y = (x * 2).sum()
    graph = torch.autograd.graph
    yield graph.log is logging.getLogger("torch.autograd.graph")
    remove = graph._register_logging_hooks_on_whole_graph([y])
    with logged(logging.INFO) as lines:
        graph.log.setLevel(logging.DEBUG)
        graph.log.setLevel(logging.INFO)
        y.backward(retain_graph=True)
    yield lines
    remove()
    with logged() as lines:
        y.backward()
    yield lines
