"""`torch.utils.weak`: weak references to tensors and dictionaries of them. `torch.types`."""

from __future__ import annotations

from parity import table

SETUP = """
import copy, gc, importlib
W = importlib.import_module(torch.__name__ + ".utils.weak")
class Key:
    def __repr__(self): return "Key"
def collect(): gc.collect()
def asked(f):
    try: return f()
    except Exception as e: return type(e).__name__
x, y = torch.ones(2), torch.zeros(2)
D = W.WeakTensorKeyDictionary
d = D({x: 1})
"""

test_weak = table(
    """
d[x], x in d, y in d, len(d), d.get(y), d.get(y, 3), [k is x for k in d], list(d.values())
asked(lambda: d[y]), asked(lambda: d.pop(y)), asked(lambda: d.__delitem__(y))
d[y] = 2; del d[x]; [k is y for k in d.keys()], len(d)
d[y] = 2; d.popitem()[0] is y, d.pop(x), len(d), d.pop(x, 5)
D().popitem()
d.setdefault(x, 7), d.setdefault(y, 8), len(d)
z = torch.ones(3); d[z] = 3; n = len(d); del z; collect(); n, len(d)
z = torch.ones(3); d[z] = 3; it = iter(d); next(it); del z; collect(); [1 for _ in it]
z = torch.ones(3); z.label = "kept"; d[z] = 3; w = z * 2; del z; collect(); len(d)
d2 = d.copy(); d2[y] = 1; len(d), len(d2), d2[x], type(d2).__name__
d2 = copy.copy(d); d2 == d, d2 is d, d == {x: 1}, d == D({y: 1}), d != D({x: 1})
v = [1]; d[x] = v; d2 = copy.deepcopy(d); d2[x] == v, d2[x] is v
len(d | {y: 2}), len({y: 2} | d), (d | {x: 5})[x], ({x: 5} | d)[x]
d |= {y: 2}; len(d)
d | 3
d.update({y: 4}); d[y], len(d), [r() is not None for r in d.keyrefs()]
k = Key(); e = W.WeakIdKeyDictionary({k: 1}); e[k], len(e), 3 in e
e = W.WeakIdKeyDictionary(); e[3] = 1
r, s = W.WeakIdRef(x), W.WeakIdRef(x); r == s, r == W.WeakIdRef(y), hash(r) == id(x), r() is x
z = torch.ones(2); r = W.WeakIdRef(z); s = W.WeakIdRef(z); del z; r() is None, r == s, r == r
r = W.TensorWeakRef(x); r() is x
z = torch.ones(2); r = W.TensorWeakRef(z); del z; collect(); r()
W.TensorWeakRef(3)
issubclass(W.WeakTensorKeyDictionary, W.WeakIdKeyDictionary)
""",
    setup=SETUP,
)

test_types = table(
    """
isinstance(x, T.Tensor), T._dtype is torch.dtype, T._Number, T.Number == int | float | bool
isinstance(1, T.Number), isinstance("cpu", T.Device), isinstance(1.5, T.Device)
""",
    setup=SETUP + 'T = importlib.import_module(torch.__name__ + ".types")\n',
)
