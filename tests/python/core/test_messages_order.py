"""Calls with two faults: which one is reported first.

A case is a line of code; what it raises is compared between the two engines. `v` is a view that may not
be used, or not be written to, and the calls have another fault as well; `b` is a vector that does not fit it.
"""

# ruff: noqa: E501 (one case per line)
from __future__ import annotations

from parity import CLOSE, table

SETUP = """
class Same(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x): return x
    @staticmethod
    def backward(ctx, g): return g

def unrecorded(f):
    with torch.no_grad(): return f()

a, b = torch.ones(2, 3, requires_grad=True).clone(), torch.ones(4)
"""
CALLS = """
v == b
torch.lt(b, v)
torch.logical_or(v, b)
v.argmax(9)
v.count_nonzero(9)
v.all(9)
v.new_zeros(-1)
v.view(torch.float64)
F.one_hot(v)
v+b
b*v
torch.add(v,b)
torch.addcmul(v,v,b)
torch.where(v>0,v,b)
torch.maximum(b,v)
v@b
b@v
torch.mm(v,torch.ones(2,2))
torch.mv(v,b)
torch.dot(v,b)
torch.bmm(v,v)
torch.addmm(b,v,v)
torch.outer(v,v)
F.linear(v,torch.ones(2,2))
torch.cat([v,torch.ones(3,5)])
torch.cat([torch.ones(3,5),v])
torch.stack([v,b])
torch.hstack([v,b])
v.view(7)
v.reshape(7)
v.expand(1,1)
v.expand(3,4,5)
v.expand_as(b)
v.permute(0)
v.transpose(0,5)
v.select(0,9)
v[9]
v[0,0,0,0,0]
v[torch.tensor([9])]
v[b>0]
v.index_select(0,torch.tensor([9]))
v.gather(0,torch.tensor([[9]]))
v.sum(9)
v.mean(9)
v.cumsum(9)
v.max(9)
v.amax(9)
v.prod(9)
v.softmax(9)
v.std(9)
v.norm(dim=9)
v.logsumexp(9)
v.squeeze(9)
v.unsqueeze(9)
v.flatten(9)
v.unflatten(0,(7,7))
v.narrow(0,5,5)
v.split([7,7])
v.split(-1)
v.chunk(0)
v.unbind(9)
v.tensor_split(0)
v.diagonal(0,0,0)
v.unfold(0,9,1)
v.as_strided((9,9),(9,9))
v.movedim(0,9)
v.repeat(1)
v.tile(-1)
v.flip(9)
v.roll(1,9)
v.repeat_interleave(torch.tensor([1,2,3,4,5]))
v.masked_fill(b>0,1)
v.masked_fill(v>0,b)
v.masked_select(b>0)
v.add_(b)
v.mul_(b)
v.copy_(b)
v.fill_(b)
v.masked_fill_(b>0,1)
v.masked_scatter_(b>0,b)
v.index_add_(0,torch.tensor([9]),v)
v.index_copy_(0,torch.tensor([9]),v)
v.index_fill_(0,torch.tensor([9]),1)
v.scatter_(0,torch.tensor([[9]]),1.0)
v.scatter_add_(0,torch.tensor([[9]]),v)
v.index_put_((torch.tensor([9]),),b)
v.cumsum_(9)
v.addcmul_(b,b)
v.clamp_(b)
v.addmm_(v,v)
v[0]=b
v[9]=1
v[torch.tensor([9])]=1
v[b>0]=1
v.squeeze_(9)
v.unsqueeze_(9)
v.transpose_(0,9)
v.swapaxes_(0,9)
v.add_(v.long(),alpha=1.5)
b.add_(v)
b.copy_(v)
b[0]=v
b.index_add_(0,torch.tensor([0]),v)
torch.add(v,b,out=torch.ones(1))
torch.mm(v,v,out=torch.ones(1))
F.mse_loss(v,b)
F.l1_loss(v,b)
F.cross_entropy(v,b)
F.nll_loss(v,torch.tensor([1,2,3]))
F.layer_norm(v,(9,))
F.rms_norm(v,(9,))
F.prelu(v,b)
F.glu(v,9)
F.binary_cross_entropy(v,b)
F.binary_cross_entropy_with_logits(v,b)
F.kl_div(v,b)
F.cosine_similarity(v,b)
F.embedding(torch.tensor([9]),v)
torch.einsum("ij,jk",v,b)
torch.tensordot(v,b,1)
torch.lerp(v,b,b)
torch.atan2(v,b)
v.pow(b)
v.type_as(b).view(9)
v.var(9)
torch.take(v,torch.tensor([99]))
torch.take_along_dim(v,torch.tensor([9]),0)
v.div(2,rounding_mode="x")
v.div_(2,rounding_mode="x")
v.logical_and_(b)
v.eq_(b)
v.bitwise_and_(b)
v.bitwise_and(b)
v.add(b,alpha=True)
torch.autograd.grad(v,a,b)
v.view_as(b)
v.broadcast_to((1,))
v.sum_to_size(7)
v.to(torch.long).view(9)
v.dot(b)
v.ger(b)
"""

test_one_of_several_views_out_of_date = table(
    CALLS, setup=SETUP + "v = a.unbind()[0].unsqueeze(0); a.mul_(2)", tol=CLOSE
)
test_view_made_without_recording_out_of_date = table(
    CALLS, setup=SETUP + "v = unrecorded(lambda: a[:1]); a.mul_(2)", tol=CLOSE
)
test_view_from_a_function_out_of_date = table(
    CALLS, setup=SETUP + "v = Same.apply(a)[:1]; a.mul_(2)", tol=CLOSE
)
test_one_of_several_views = table(CALLS, setup=SETUP + "v = a.split(1)[0]", tol=CLOSE)
test_leaf = table(CALLS, setup=SETUP + "v = torch.ones(2, 3, requires_grad=True)", tol=CLOSE)
