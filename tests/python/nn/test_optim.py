"""Optimizers and schedules, step by step against PyTorch's."""

import copy
import pickle

import pytest
from nn.engines import agree, failure

OPTIMIZERS = [
    ("SGD", {}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "maximize": True}),
    ("Adam", {}),
    ("Adam", {"lr": 0.1, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.1, "amsgrad": True}),
    ("Adam", {"maximize": True, "eps": 1e-3, "betas": (0.5, 0.6)}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.1, "weight_decay": 0.1, "amsgrad": True}),
    ("RMSprop", {}),
    ("RMSprop", {"lr": 0.1, "momentum": 0.9}),
    ("RMSprop", {"centered": True, "weight_decay": 0.1, "momentum": 0.5}),
    ("RMSprop", {"maximize": True, "alpha": 0.5}),
    ("Adagrad", {}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.1}),
    ("Adagrad", {"weight_decay": 0.1, "initial_accumulator_value": 0.3, "maximize": True}),
]


def parameters(torch, dtype="float32"):
    generator = torch.Generator().manual_seed(1)
    values = [torch.randn(3, 2, generator=generator) for _ in range(4)]
    return [torch.nn.Parameter(v.to(getattr(torch, dtype))) for v in values]


def train(optimizer, params, steps, start=0):
    """Steps in which the parameters that have a gradient change from one to the next."""
    history = []
    for i in range(start, start + steps):
        optimizer.zero_grad()
        used = [p for j, p in enumerate(params) if (i + j) % 3]
        sum((p * p.sin()).sum() for p in used).backward()
        optimizer.step()
        history.append([p.detach().clone() for p in params])
    return history


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "options"), OPTIMIZERS, ids=str)
def test_steps(name, options, dtype):
    def case(torch):
        params = parameters(torch, dtype)
        optimizer = getattr(torch.optim, name)(params, **options)
        return train(optimizer, params, 7), optimizer.state_dict(), repr(optimizer)

    agree(case)


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS, ids=str)
def test_resume_from_state(name, options):
    def case(torch):
        params = parameters(torch)
        make = lambda: getattr(torch.optim, name)(params, **options)
        first = make()
        train(first, params, 3)
        second = make()
        second.load_state_dict(pickle.loads(pickle.dumps(first.state_dict())))
        third = copy.deepcopy(second)
        return train(second, params, 3, 3), second.state_dict(), len(third.state)

    agree(case)


def test_groups_and_edits_between_steps():
    def case(torch):
        params = parameters(torch)
        optimizer = torch.optim.Adam(
            [{"params": params[:1], "lr": 0.5}, {"params": params[1:3]}], lr=0.1
        )
        history = train(optimizer, params[:3], 2)
        optimizer.param_groups[1]["lr"] = 0.7
        optimizer.param_groups[0]["params"].pop()
        optimizer.add_param_group({"params": params[3], "betas": (0.1, 0.2)})
        history += train(optimizer, params, 2)
        optimizer.state[params[1]]["exp_avg"] = torch.ones(3, 2)
        optimizer.state[params[2]].clear()
        return history + train(optimizer, params, 3)

    agree(case)


def test_named_parameters():
    def case(torch):
        model = torch.nn.Linear(2, 2)
        optimizer = torch.optim.SGD(model.named_parameters(), lr=0.1)
        return optimizer.state_dict()

    agree(case)


def test_state_takes_the_dtype_of_the_parameters():
    def case(torch):
        params = parameters(torch)
        optimizer = torch.optim.Adam(params, amsgrad=True)
        # Gradients that do not depend on the parameters: PyTorch's square root in float32 is the
        # one of its maths library, which rounds some results the other way.
        for p in params:
            p.grad = p.detach().clone()
        optimizer.step()
        optimizer.step()
        doubles = parameters(torch, "float64")
        other = torch.optim.Adam(doubles, amsgrad=True)
        other.load_state_dict(optimizer.state_dict())
        return other.state_dict(), train(other, doubles, 2)

    agree(case)


def test_closure():
    def case(torch):
        (p, *_) = parameters(torch)
        optimizer = torch.optim.SGD([p], lr=0.1)
        seen = []

        def closure():
            seen.append(torch.is_grad_enabled())
            optimizer.zero_grad()
            loss = (p * p).sum()
            loss.backward()
            return loss

        with torch.no_grad():
            return optimizer.step(closure), seen, torch.is_grad_enabled(), p, p.requires_grad

    agree(case)


def test_hooks():
    def case(torch):
        log = []
        (p, *_) = parameters(torch)

        class Loud(torch.optim.Optimizer):
            def __init__(self, params):
                super().__init__(params, {"lr": 1.0})

            def step(self, closure=None, factor=1):
                log.append(("step", factor))

        optimizer = Loud([p])
        optimizer.register_step_pre_hook(lambda o, a, k: log.append(("pre", o is a[0], k)))
        handle = optimizer.register_step_post_hook(lambda o, a, k: log.append(("post", len(a), k)))
        optimizer.step(factor=3)
        optimizer.register_step_pre_hook(lambda o, a, k: (a, {"factor": 5}))
        handle.remove()
        optimizer.step()
        optimizer.register_state_dict_post_hook(lambda o, d: {**d, "extra": 1})
        optimizer.register_load_state_dict_pre_hook(lambda o, d: log.append(sorted(d)))
        optimizer.load_state_dict(optimizer.state_dict())
        return log

    agree(case)


def test_subclass_step_runs_hooks_once(torch):
    class Sub(torch.optim.SGD):
        def step(self, closure=None):
            return super().step(closure)

    count = []
    optimizer = Sub(parameters(torch))
    optimizer.register_step_post_hook(lambda *args: count.append(1))
    optimizer.step()
    assert count == [1]


def test_zero_grad():
    def case(torch):
        params = parameters(torch)[:2]
        optimizer = torch.optim.SGD(params)
        params[0].grad = torch.ones(3, 2)
        kept = params[0].grad
        optimizer.zero_grad(set_to_none=False)
        same = params[0].grad is kept
        zero = params[0].grad.clone()
        optimizer.zero_grad()
        return same, zero, [p.grad for p in params]

    agree(case)


BAD_OPTIONS = {
    "SGD": [{"lr": -1}, {"momentum": -1}, {"weight_decay": -1}, {"nesterov": True}],
    "Adam": [
        {"lr": -1},
        {"eps": -1},
        {"betas": (1, 0.9)},
        {"betas": (0.9, 2)},
        {"weight_decay": -1},
    ],
    "AdamW": [
        {"lr": -1},
        {"fused": True, "foreach": True},
        {"fused": True, "differentiable": True},
    ],
    "RMSprop": [{"lr": -1}, {"eps": -1}, {"alpha": -1}, {"momentum": -1}, {"weight_decay": -1}],
    "Adagrad": [{"lr": -1}, {"lr_decay": -1}, {"initial_accumulator_value": -1}, {"eps": -1}],
}


@pytest.mark.parametrize("name", BAD_OPTIONS)
def test_bad_options(name):
    def case(torch):
        make = lambda options: getattr(torch.optim, name)(parameters(torch), **options)
        found = [failure(lambda: make(options)) for options in BAD_OPTIONS[name]]
        return found, failure(lambda: make({"lr": torch.ones(2)}))

    agree(case)


def test_bad_parameters():
    def case(torch):
        SGD = torch.optim.SGD
        p, q, *_ = parameters(torch)
        attempts = [
            lambda: SGD([]),
            lambda: SGD(p),
            lambda: SGD([1]),
            lambda: SGD([p * 2]),
            lambda: len(SGD([p, p]).param_groups),
            lambda: SGD([{"params": {p}}]),
            lambda: SGD([{"params": [p]}, {"params": [p]}]),
            lambda: SGD([("a", p), q]),
            lambda: SGD([p]).add_param_group(3),
            lambda: SGD([("a", p)]).add_param_group({"params": q}),
            lambda: SGD([p]).add_param_group({"params": [("a", q)]}),
            lambda: SGD([{"lr": 3}]),
            lambda: SGD([p]).load_state_dict({"state": {}, "param_groups": []}),
            lambda: SGD([p]).load_state_dict({"state": {}, "param_groups": [{"params": [0, 1]}]}),
            lambda: torch.optim.Optimizer([p], {}).step(),
        ]
        return [failure(attempt) for attempt in attempts]

    agree(case)


def test_what_does_not_exist_says_so(torch):
    with pytest.raises(NotImplementedError, match="differentiable"):
        torch.optim.SGD(parameters(torch), differentiable=True)
    with pytest.raises(NotImplementedError, match="capturable"):
        torch.optim.Adam(parameters(torch), capturable=True)


SCHEDULES = [
    ("StepLR", (2,), {}),
    ("MultiStepLR", ([1, 4, 4],), {"gamma": 0.5}),
    ("ExponentialLR", (0.7,), {}),
    ("CosineAnnealingLR", (3,), {"eta_min": 0.01}),
    ("LambdaLR", (lambda epoch: 0.9**epoch,), {}),
]


def scheduled(torch, lr=0.1):
    params = parameters(torch)
    return torch.optim.SGD([{"params": params[:2]}, {"params": params[2:], "lr": 0.3}], lr=lr)


@pytest.mark.parametrize("last_epoch", [-1, 3])
@pytest.mark.parametrize(("name", "args", "options"), SCHEDULES, ids=lambda x: str(x)[:20])
def test_schedule(name, args, options, last_epoch):
    def case(torch):
        optimizer = scheduled(torch)
        if last_epoch >= 0:
            for group in optimizer.param_groups:
                group["initial_lr"] = 0.8
        schedule = getattr(torch.optim.lr_scheduler, name)(
            optimizer, *args, last_epoch=last_epoch, **options
        )
        rates = [schedule.get_last_lr()]
        for _ in range(9):
            optimizer.step()
            schedule.step()
            rates.append(schedule.get_last_lr())
        schedule.step(2)
        rates.append([group["lr"] for group in optimizer.param_groups])
        state = schedule.state_dict()
        schedule.load_state_dict({**state, "last_epoch": 5})
        schedule.step()
        return rates, state, schedule.get_last_lr(), schedule.get_lr()

    agree(case)


def test_schedule_order_is_checked():
    def case(torch):
        optimizer = scheduled(torch)
        optimizer.step()
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2)
        schedule.step()
        return schedule.get_last_lr()

    agree(case)


def test_schedule_of_a_tensor():
    def case(torch):
        rate = torch.tensor(0.5)
        optimizer = torch.optim.SGD(parameters(torch), lr=rate)
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)
        optimizer.step()
        schedule.step()
        return optimizer.param_groups[0]["lr"] is rate, rate, schedule.get_last_lr()

    agree(case)


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("threshold_mode", ["rel", "abs"])
def test_plateau(mode, threshold_mode):
    def case(torch):
        optimizer = scheduled(torch)
        schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer,
            mode,
            patience=1,
            cooldown=1,
            threshold=0.1,
            threshold_mode=threshold_mode,
            min_lr=[0.001, 0.01],
        )
        log = []
        for metric in [1, 2, 3, 0.5, 4, 0.48, 5, 6, float("nan"), torch.tensor(7.0), 8, 9, 10]:
            schedule.step(metric)
            log.append((schedule.get_last_lr(), schedule.num_bad_epochs, schedule.in_cooldown))
        return log, schedule.state_dict()

    agree(case)


def test_bad_schedules():
    def case(torch):
        optimizer = scheduled(torch)
        L = torch.optim.lr_scheduler
        attempts = [
            lambda: L.StepLR(3, 2),
            lambda: L.StepLR(optimizer, 2, last_epoch=3),
            lambda: L.LambdaLR(optimizer, [1]),
            lambda: L.ReduceLROnPlateau(3),
            lambda: L.ReduceLROnPlateau(optimizer, factor=1.0),
            lambda: L.ReduceLROnPlateau(optimizer, mode="x"),
            lambda: L.ReduceLROnPlateau(optimizer, threshold_mode="x"),
            lambda: L.ReduceLROnPlateau(optimizer, min_lr=[1]),
            lambda: L.LRScheduler(optimizer),
        ]
        return [failure(attempt) for attempt in attempts]

    agree(case)
