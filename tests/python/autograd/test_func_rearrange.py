"""`torch.func.rearrange`: patterns, their faults, and what transforms make of it."""

from __future__ import annotations

import re

from parity import SUMMED, data, numbers, parity, table

test_patterns = table(
    """
r(x, 'a b c -> c b a')
r(x, 'a b c -> (a b) c')
r(x, 'a b c -> a (c b)')
r(x, 'a (b k) c -> a b k c', k=3)
r(x, 'a b (c k) -> (a c) (k b)', k=2)
r(x, 'a b (c k) -> a b c k', c=2, k=2)
r(x, '... c -> c ...')
r(x, 'a ... -> ... a')
r(x, '... -> (...)')
r(x, 'a ... -> (a ...)')
r(x, 'a ... c -> c a ...')
r(x, 'a b c -> a 1 b c ()')
r(x[:1], '1 b c -> c b').tolist()
r(x[:1], '() b c -> b c').tolist()
r([x, x + 1], 'n a b c -> a (n b) c')
r((x[0], x[1]), 'n b c -> b n c')
r(x.long(), 'a b c -> b a c')
r(x[:, :0], 'a b c -> a (b c)')
r(x, 'a b c')
r(x, 'a -> b -> c')
r(x, 'a b -> a b')
r(x, 'a b c d -> a b c d')
r(x, 'a b c d ... -> a b c d ...')
r(x, 'a b c -> a b')
r(x, 'a b c -> a b c d')
r(x, 'a a c -> a c')
r(x, 'a b c -> a b c', z=2)
r(x, 'a b c -> a ((b) c)')
r(x, 'a b c -> a (b c')
r(x, 'a b c -> a b) c')
r(x, 'a b! c -> a b c')
r(x, 'a (b ...) -> a')
r(x, 'a 2 c -> a c')
r(x, 'a ... ... -> a')
r(x, 'a b c -> a b ...')
r(x, 'a b c -> a (b c ...)')
r(x, 'a .. c -> a c')
r(x, '_a b c -> b c _a')
r(x, 'a b c_ -> a b c_')
r(x, 'a b (c k) -> a b c k', k=3)
r(x, 'a b c -> a b c', a='2')
""",
    setup="r, x = torch.func.rearrange, data(2, 3, 4)",
)


@parity
def test_faults_of_sizes(torch):
    """PyTorch has other names for the dims in these messages."""
    x = torch.zeros(2, 3, 4)
    for pattern, lengths in (
        ("a b (c k) -> a b c k", {"c": 3, "k": 2}),
        ("a (b c) d -> a b c d", {}),
        ("a b c -> a b c", {"a": 3}),
    ):
        try:
            torch.func.rearrange(x, pattern, **lengths)
        except Exception as error:
            yield (
                type(error).__name__,
                re.sub(r"\(\w+,( \w+)?\)|\b\w\d? and \w\d?$", "", str(error)),
            )


@parity(tol=SUMMED)
def test_within_transforms(torch):
    func = torch.func
    x, t = data(torch, 2, 3, 4), data(torch, 2, 3, 4, salt=1)

    def f(x):
        return (func.rearrange(x, "... (c k) -> c (k ...)", k=2) ** 2).sum(1)

    yield numbers(torch, func.jacrev(f)(x))
    yield numbers(torch, func.grad(lambda x: (f(x) * t.sum()).sum())(x))
    yield numbers(torch, torch.vmap(f)(x))
