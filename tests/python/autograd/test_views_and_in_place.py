"""In-place changes: history rewritten through views, versions, and what is refused."""

from __future__ import annotations

from parity import EXACT, SUMMED, parity, scripts

test_programs = scripts(
    through_a_view="""
        x = torch.ones(4, requires_grad=True)
        y = x * 2
        v = y[1:3]
        v.mul_(3)
        graph(y)
        graph(v)
        v._base is y
        (y * y).sum().backward()
    """,
    base_after_view="""
        x = torch.ones(2, 2, requires_grad=True)
        y = x * 2
        v = y.t()
        y.mul_(3)
        v.grad_fn.name()
        graph(v)
        v.sum().backward()
    """,
    view_of_view="""
        x = data(3, 4, grad=True)
        y = x * 1
        v = y.view(12)
        w = v[3:9]
        w.add_(5)
        u = w.view(2, 3).t()
        u.mul_(2)
        graph(y)
        graph(u)
        graph(v)
        (y * y).sum().backward()
    """,
    sibling_views="""
        x = data(4, grad=True)
        y = x * 1
        a = y[:2]
        b = y[1:]
        a.exp_()
        b.mul_(2)
        graph(a)
        a.sum().backward(retain_graph=True)
        b.sum().backward()
    """,
    history_into_a_constant="""
        x = torch.ones(2, requires_grad=True)
        y = torch.zeros(4)
        v = y[1:3]
        v.copy_(x)
        y
        graph(y)
        (y * torch.arange(4.0)).sum().backward()
        z = torch.zeros(2)
        w = z.view(2, 1)
        z.add_(x)
        w.requires_grad
        graph(w)
        w.sum().backward()
        d = z.detach()
        d.requires_grad
        d.mul_(2)
    """,
    setitem_with_leading_ones="""
        x = torch.ones(1, 3, requires_grad=True)
        y = torch.zeros(2, 3)
        y[0] = x * 1
        graph(y)
        y[...] = (x * 1)[None]
        graph(y)
        y[0, 0] = x[:, 0]
        graph(y)
        y.sum().backward()
    """,
    setitem="""
        x = torch.ones(3, requires_grad=True)
        y = torch.zeros(3)
        y[0] = x[0] * 2
        y[1:] = x[1:] * 3
        y[2] = 5.0
        graph(y)
        y.sum().backward()
        z = torch.zeros(3)
        z[torch.tensor([0, 2])] = x[:2]
        graph(z)
        z[z > 5] = 0
        z.sum().backward()
        x[0] = 1.0
        w = x.clone()
        w[w > 0] *= 2
        w.sum().backward()
        w[...] = 0
        graph(w)
    """,
    fill_and_zero="""
        x = data(4, grad=True)
        y = x * 2
        y.zero_()
        y.sum().backward()
        z = x * 2
        z[1:3].zero_()
        z.sum().backward()
        w = x * 2
        w[1:3].fill_(7)
        (w * w).sum().backward()
        v = x * 2
        v.fill_(x[0])
        v.sum().backward()
    """,
    copy="""
        x = data(3, grad=True)
        y = data(3, dtype="float64", salt=1, grad=True)
        z = torch.zeros(3)
        z.copy_(x)
        graph(z)
        z.copy_(y)
        graph(z)
        z.sum().backward()
        w = torch.zeros(2, 3)
        w.copy_(x)
        w.sum().backward()
        w.copy_(torch.ones(3))
        graph(w)
        torch.zeros(2, dtype=torch.int64).copy_(x[:2])
        torch.zeros(2).copy_(x)
    """,
    views_of_leaves="""
        x = torch.ones(4, requires_grad=True)
        v = x[1:]
        v.add_(1)
        x.view(2, 2).mul_(2)
        with torch.no_grad(): v.add_(1)
        v
        x
        with torch.no_grad(): w = x[1:]
        w.add_(1)
        w.requires_grad
        x.detach()[0].fill_(3)
        x
        y = x * 1
        with torch.no_grad(): u = y[1:]
        u.mul_(2)
        with torch.no_grad(): u.mul_(2)
        y
    """,
    no_grad_views_of_plain="""
        y = torch.ones(3)
        with torch.no_grad(): v = y[1:]
        v.mul_(2)
        x = torch.ones(2, requires_grad=True)
        v.mul_(x)
    """,
    many_outputs="""
        x = torch.ones(4, requires_grad=True)
        y = x * 1
        a, b = y.split(2)
        a.mul_(2)
        a, b = y.chunk(2)
        a.mul_(2)
        a, b, c, d = y.unbind()
        a.mul_(2)
        a, b = y.split([1, 3])
        a.mul_(2)
        with torch.no_grad(): a.mul_(2)
        y.mul_(2)
        a.grad_fn.name()
        b.sum().backward()
        p, q = torch.ones(4).split(2)
        p.mul_(2)
        list(y)[0].mul_(2)
        for row in y.view(2, 2): row.mul_(2)
    """,
    expanded="""
        x = torch.ones(1, requires_grad=True)
        y = (x * 1).expand(3)
        y.add_(1)
        y[0] = 2
        torch.zeros(1).expand(3).add_(1)
        torch.zeros(1).expand(3).fill_(1)
        z = torch.zeros(3)
        z.as_strided((2, 2), (1, 1)).add_(1)
        z[1:].copy_(z[:2])
        z.add_(z)
        z[:2].add_(z[1:])
    """,
    versions="""
        x = torch.zeros(4)
        v = x.view(2, 2)
        d = x.detach()
        e = x.data
        x._version, v._version, d._version, e._version
        v.add_(1)
        d.add_(1)
        e.add_(1)
        x._version, v._version, d._version, e._version
        x[0] = 1
        x.fill_(2)
        x.zero_()
        torch.add(x, 1, out=x)
        x += 1
        x.copy_(torch.ones(4))
        x.requires_grad_()
        x._version
        with torch.no_grad(): x.mul_(2)
        y = x * 2
        y._version
        y.exp_().add_(1)
        y._version
        y.t_()
        y.detach_()
        y.unsqueeze_(0)
        y._version
        x.data = torch.ones(4)
        x._version
        x.grad
        y.sqrt_()
        y.uniform_()
        y._version
    """,
    save_after_in_place="""
        x = data(3, grad=True)
        y = x * 1
        y.exp_()
        y.sum().backward()
        z = x * 1
        z.mul_(z)
        z.sum().backward()
        w = x * 1
        w.sigmoid_().tanh_()
        graph(w)
        w.sum().backward()
        r = x * 1
        r.relu_()
        r.mul_(2)
        r.sum().backward()
        s = x * 1
        s.pow_(2)
        s.div_(3).sub_(1).neg_()
        graph(s)
        s.sum().backward()
    """,
    use_then_change="""
        x = data(3, lo=0.5, grad=True)
        y = x * 1
        z = y.log()
        y[0] = 3
        z.sum().backward()
        y = x * 1
        z = y + 1
        y.mul_(2)
        z.sum().backward()
        y = x.exp()
        z = y.view(3, 1)
        z.add_(1)
        y.sum().backward()
        a = torch.ones(3)
        b = a[1:]
        z = x[1:] * b
        a.add_(1)
        z.sum().backward()
        i = torch.tensor([0, 1])
        z = x[i]
        i.zero_()
        z.sum().backward()
        m = torch.tensor([True, False, True])
        z = torch.where(m, x, x * 2)
        m.zero_()
        z.sum().backward()
        t = torch.tensor([0, 2])
        z = F.cross_entropy(data(2, 3, grad=True), t)
        t.zero_()
        z.backward()
    """,
    self_assignment="""
        x = data(2, 2, grad=True)
        y = x * 1
        y[0] = y[1]
        graph(y)
        y.sum().backward()
        z = x * 1
        z[:, 0] += z[:, 1]
        graph(z)
        (z * z).sum().backward()
        w = x * 1
        w[0] = w[1] * w[0]
        (w * w).sum().backward()
        u = x * 1
        u.t().copy_(x)
        u.sum().backward()
    """,
    gradients_stay_separate="""
        x = torch.ones(3, requires_grad=True)
        y = x + 0
        z = x + 0
        (y + z).sum().backward()
        x.grad.add_(1)
        a = torch.ones(3, requires_grad=True)
        b = torch.ones(3, requires_grad=True)
        (a + b).sum().backward()
        a.grad.zero_()
        b.grad
        (a + b).backward(torch.ones(3))
        a.grad.mul_(5)
        b.grad
        c = torch.ones(3, requires_grad=True)
        g = torch.ones(3)
        (c + 0).backward(g)
        c.grad.add_(7)
        g
        p, q = torch.autograd.grad((a + b).sum(), [a, b])
        p.add_(1)
        q
    """,
    detach_of_views="""
        x = torch.ones(4, requires_grad=True)
        y = x * 2
        v = y[:2].detach()
        v.zero_()
        y
        v._base is None
        y._version
        w = y.detach()
        w[0] = 9
        graph(y)
        y.sum().backward()
        z = (x * 2).detach()[1:]
        z.requires_grad_()
        z.is_leaf
        (z * 2).sum().backward()
    """,
    tol=SUMMED,
)


@parity(tol=EXACT)
def test_many_views_of_one_base(torch):
    """Each view sees the change of another, in value and in history."""
    x = torch.arange(6.0).requires_grad_()
    base = x * 1
    views = [base.view(2, 3), base[1:4], base.view(3, 2).t(), base[::2], base.unsqueeze(0)]
    for count, view in enumerate(views):
        view.mul_(count + 2)
        yield base, views, [v.grad_fn.name() for v in views]
    yield lambda: sum((v * v).sum() for v in views).backward()
    yield x.grad
