// Elementwise operations: type promotion, shapes, the choice of loop, the node.
// Start with elementwise(); prepare() decides dtypes, ElementwiseNode holds what the gradients read.
#include "ops/elementwise.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>

#include "autograd/record.h"
#include "autograd/transform.h"
#include "cpu/cast.h"
#include "cpu/elementwise_loop.h"
#include "ops/elementwise_rules.h"
#include "ops/elementwise_tangents.h"
#include "ops/elementwise_watch.h"
#include "ops/functions.h"
#include "tensor/shape.h"

namespace wg {

namespace {

// --- plain operands ---
//
// Note [Plain operands]
// What small programs call most: operands of one float dtype and one shape, short and packed, or
// numbers. Promotion, broadcasting, the layout of the result and the checks that depend on dtypes
// (check_operands too) can decide only one way for them, so they go straight to the loop: half the
// instructions of the call. A lazy tensor is neither packed nor contiguous, so that addresses are those of values.

constexpr int64_t kPlain = 1024;  // elements

inline bool is_plain(const Tensor& t) {
    return (t.dtype() == DType::Float32 || t.dtype() == DType::Float64) && t.numel() <= kPlain &&
           !t->wrapped_number && t.is_packed();
}

// Numbers about which operations have no rules of their own.
inline bool is_plain(Op op, const Scalar& s) {
    if (s.category() == Category::Boolean || s.is_complex()) return false;
    const double v = s.to_double();
    return (double(float(v)) == v || std::fabs(v) < 1e30) &&
           (op != Op::pow || narrow_exponent(v) == float(v));
}

// The loop that does all the work, if the operands are plain and there is one.
LoopFn plain_loop(Op op, Args args) {
    if (op == Op::where_choice) return nullptr;  // its condition is to be bool
    const Tensor* first = nullptr;
    for (const Arg& a : args) {
        if (!a.is_tensor()) {
            if (!is_plain(op, a.scalar())) return nullptr;
            continue;
        }
        const Tensor& t = a.tensor();
        if (!first) {
            if (!is_plain(t)) return nullptr;
            first = &t;
        } else if (t.dtype() != first->dtype() || !t.is_contiguous() || t->wrapped_number ||
                   !same_shape(t.sizes(), first->sizes())) {
            return nullptr;
        }
    }
    return kernel_table[int(loop_of(op, args, first->dtype()))].forward[int(first->dtype())];
}

// As run_plain() below, with numbers in the slots that `numbers` has bits for.
[[gnu::noinline]] void run_plain_numbers(LoopFn fn, void* out, const void** slots, unsigned numbers,
                                         const Scalar* values, DType dtype, int64_t n,
                                         const double* params) {
    alignas(64) double filled[3][kPlain];
    double* to = filled[0];
    for (int s = 0; s < kMaxLoopInputs; ++s) {
        if (!(numbers >> s & 1)) continue;
        const double v = values[s].to_double();
        if (dtype == DType::Float32) std::fill_n(reinterpret_cast<float*>(to), n, float(v));
        else std::fill_n(to, n, v);
        slots[s] = to;
        to += kPlain;
    }
    fn(out, slots, n, params);
}

// Runs a loop of `dtype`, float or double, on n <= kPlain elements.
inline void run_plain(LoopFn fn, void* out, const void** slots, unsigned numbers,
                      const Scalar* values, DType dtype, int64_t n, const double* params) {
    if (numbers) run_plain_numbers(fn, out, slots, numbers, values, dtype, n, params);
    else fn(out, slots, n, params);
}

// --- the node ---

class ElementwiseNode final : public NodeOf<ElementwiseNode> {
public:
    ElementwiseNode(Op op, const char* name, const Params& params)
        : op_(op), name_(name), params_(params) {}
    ~ElementwiseNode() override {
        for_each_saved(*this, [](SavedTensor& s) { s.~SavedTensor(); });
    }

    void apply(Grads& in, Grads& out) override;
    // All loops and formulas broadcast what they read.
    void apply_rows(const RowView&, Grads& in, Grads& out) override { apply(in, out); }
    std::string name() const override { return name_; }
    bool gives_real_parts() const override { return op_ != Op::where_choice; }
    void release_saved() override {
        // Numbers that are no tensors to PyTorch are not freed.
        released = reads_saved_ & ~(row(op_).same_node ? 0u : unsigned(is_scalar_) << 1);
        for_each_saved(*this, [](SavedTensor& s) { s.reset(); });
    }
    std::vector<SavedName> saved_names() const override;
    Tensor saved_value(size_t i) const override;
    SavedNumber saved_number(size_t i) const override;
    SavedTensor* saved_slot(size_t i) override;
    SavedTensor* hookable_slot(size_t i) override;
    void visit_owned(OwnedVisitor& visitor) const override {
        Node::visit_owned(visitor);
        for_each_saved(*this, [&](const SavedTensor& s) { s.visit_owned(visitor); });
    }

    Ref<Node> again() const override {
        auto node = ElementwiseNode::make(op_, name_, params_);
        node->set_compute(compute_, reads_saved_);
        node->is_scalar_ = is_scalar_;
        node->in_place_ = in_place_;
        std::copy_n(operand_, 3, node->operand_);
        for (int s = 0; s < 3; ++s)
            if (has_number(s)) node->scalars_[s + 1] = scalars_[s + 1];
        return Ref<Node>::steal(node.release());
    }

    // What the gradients read: operands that are tensors (slots 0 to 2) and the result (slot 3).
    void keep_operand(int slot, const Tensor& t) { saved_[slot].keep(t); }
    void keep_result(const Tensor& y) { saved_[3] = SavedTensor(y, this); }
    void resave_output(const Tensor& y) override {
        if (reads_saved_ & 16 && saved_[3].defined()) keep_result(y);
    }
    void keep_scalar(int slot, const Scalar& s) {
        scalars_[slot + 1] = s;
        is_scalar_ = (is_scalar_ | 1u << slot) & 7u;
    }
    void mark_in_place() { in_place_ = true; }
    void add_edge_of(int operand, Edge e) {
        operand_[edges.size()] = int8_t(operand);
        add_edge(std::move(e));
    }
    // Before anything is kept.
    void set_compute(DType d, unsigned reads) {
        compute_ = d;
        reads_saved_ = uint8_t(reads & ~1u);
        for_each_saved(*this, [](SavedTensor& s) { new (&s) SavedTensor; });
    }

private:
    Tensor run_gradient(int i, Grads& in, bool may_reuse);
    bool run_plain_gradient(int i, unsigned reads, const Tensor& g, const Tensor& result);
    Tensor formula(int i, const Tensor& g) const;
    bool run_general_gradient(int i, unsigned reads, const Tensor& g, const Tensor& result);
    Tensor gradient_result(unsigned reads, const Tensor& g) const;
    std::vector<int> read_slots() const;
    Tensor number_as_tensor(int slot) const;
    std::vector<NamedNumber> parameters() const {
        return is_for_numbers() ? std::vector<NamedNumber>()
                                : named_parameters(op_, params_.p, params_.whole);
    }
    // Made inside PyTorch's own compositions by the overload for a number: "MulBackward1".
    bool is_for_numbers() const {
        return row(op_).same_node && std::string_view(name_).ends_with("Backward1") &&
               std::strcmp(name_, row(op_).node) != 0 && std::strncmp(name_, "Rsub", 4) != 0;
    }
    bool shows_numbers() const { return !row(op_).same_node || is_for_numbers(); }
    bool has_number(int slot) const noexcept { return is_scalar_ >> slot & 1; }
    template <class Self, class F>
    static void for_each_saved(Self& self, F f) {
        for (unsigned left = self.reads_saved_ >> 1u; left; left &= left - 1)
            f(self.saved_[std::countr_zero(left)]);
    }
    Tensor operand(int slot) const {
        if (!has_number(slot))
            return reads_saved_ >> (slot + 1) & 1 ? saved_[slot].unpack(this) : Tensor();
        return number_in_formula(op_, scalars_[slot + 1]);
    }

    Op op_;
    DType compute_ = DType::Float32;
    uint8_t reads_saved_ = 0;  // which slots are saved, as bits of `reads`
    uint8_t is_scalar_ : 4 = 0;  // which operands are numbers
    uint8_t in_place_ : 1 = 0;
    int8_t operand_[3] = {};  // by edge
    const char* name_;
    Params params_;
    // By slot. Nothing is made of what is not needed: only those of reads_saved_ exist, and of the numbers, which
    // go by slot of the loop, those of is_scalar_.
    union {
        SavedTensor saved_[4];
    };
    union {
        Scalar scalars_[4];
    };
};

// Which of the operands and the result (slot 3) the gradients read that have an edge.
std::vector<int> ElementwiseNode::read_slots() const {
    unsigned reads = 0;
    for (size_t i = 0; i < edges.size(); ++i) reads |= row(op_).reads[operand_[i]];
    std::vector<int> slots;
    for (int s = 0; s < 4; ++s)
        if (reads >> (s + 1) & 1) slots.push_back(s);
    return slots;
}

// First what the gradients read, then the parameters.
std::vector<Node::SavedName> ElementwiseNode::saved_names() const {
    std::vector<SavedName> names;
    if (not_implemented(name_)) return names;
    for (int slot : read_slots()) {
        const bool is_output = slot == 3;
        const std::string_view name = is_output ? "result" : row(op_).operands[slot];
        names.push_back({std::string(name == "input" ? "self" : name), is_output,
                         !is_output && has_number(slot) && shows_numbers()});
    }
    for (const NamedNumber& p : parameters()) {
        // The bound that is missing beside one that is a tensor is a tensor too.
        const bool no_tensor =
            std::holds_alternative<std::monostate>(p.value) && !is_scalar_ && row(op_).arity > 1;
        names.push_back({p.name, false, !no_tensor});
    }
    return names;
}

Tensor ElementwiseNode::saved_value(size_t i) const {
    const std::vector<int> slots = read_slots();
    if (i >= slots.size()) return {};
    const int slot = slots[i];
    if (!(reads_saved_ >> (slot + 1) & 1)) return {};
    if (released) fail_released();
    // Where a node serves numbers and tensors alike, a number is a saved tensor to PyTorch.
    return slot < 3 && has_number(slot) ? number_as_tensor(slot) : saved_[slot].unpack(this);
}

SavedNumber ElementwiseNode::saved_number(size_t i) const {
    const std::vector<int> slots = read_slots();
    if (i >= slots.size()) return parameters()[i - slots.size()].value;
    if (!(reads_saved_ >> (slots[i] + 1) & 1)) return {};
    return scalars_[slots[i] + 1];
}

Tensor ElementwiseNode::number_as_tensor(int slot) const {
    const Tensor t = wrapped_number(scalars_[slot + 1]);
    t->wrapped_number = false;
    return t;
}

SavedTensor* ElementwiseNode::saved_slot(size_t i) {
    const std::vector<int> slots = read_slots();
    if (i >= slots.size()) return nullptr;
    const int slot = slots[i];
    const bool number = slot < 3 && has_number(slot);
    return number || !(reads_saved_ >> (slot + 1) & 1) ? nullptr : &saved_[slot];
}

SavedTensor* ElementwiseNode::hookable_slot(size_t i) {
    const std::vector<int> slots = read_slots();
    if (i >= slots.size()) return nullptr;
    const int slot = slots[i];
    if (slot < 3 && has_number(slot) && reads_saved_ >> (slot + 1) & 1) {
        keep_operand(slot, number_as_tensor(slot));
        is_scalar_ = is_scalar_ & ~(1u << slot) & 7u;
    }
    return saved_slot(i);
}

void ElementwiseNode::apply(Grads& in, Grads& out) {
    if (released) fail_released();
    const RowInfo& r = row(op_);
    if (not_implemented(name_))
        fail(ErrorKind::Runtime,
             str("derivative for aten::", r.name, in_place_ ? "_" : "", " is not implemented"));
    std::span<const SavedTensor> not_ready;
    for_each_saved(*this, [&](const SavedTensor& s) {
        if (!s.is_ready()) [[unlikely]]
            not_ready = {&s, 1};
    });
    const Unpacked unpacked(*this, not_ready);
    if (recording()) {
        // A product or quotient by a number that is no operand in PyTorch's eyes has the same as derivative.
        if (edges.size() == 1 && is_scalar_ && (op_ == Op::mul || op_ == Op::div)) {
            out[0] = binary(op_, in[0], scalars_[has_number(0) ? 1 : 2], {}, name_);
            return;
        }
        if (r.gradients) {
            const TwoGradients both = r.gradients(in[0], operand(0), operand(1));
            for (int i = 0; i < int(edges.size()); ++i)
                if (needs(i)) out[i] = both[size_t(operand_[i])];
            return;
        }
        for (int i = 0; i < int(edges.size()); ++i) {
            const int k = operand_[i];
            if (needs(i)) out[i] = r.passes_through[k] ? in[0] : formula(k, in[0]);
        }
        return;
    }
    int last = -1;
    bool shared = false;
    for (int i = 0; i < int(edges.size()); ++i) {
        if (!needs(i)) continue;
        if (r.passes_through[operand_[i]]) shared = true;
        else last = i;
    }
    for (int i = 0; i < int(edges.size()); ++i) {
        const int k = operand_[i];
        if (needs(i))
            out[i] = r.passes_through[k] ? in[0] : run_gradient(k, in, i == last && !shared);
    }
}

// One gradient by its fused loop. The last one may be written over g when nobody else holds g, unless g
// was expanded to dims of size 1, whose strides would not be those of a new tensor.
Tensor ElementwiseNode::run_gradient(int i, Grads& in, bool may_reuse) {
    const unsigned reads = row(op_).reads[i];
    const Tensor& g = in[0];
    if (is_complex(compute_) || is_complex(g.dtype())) [[unlikely]]
        return formula(i, g);
    const bool reuse = may_reuse && g.dtype() == compute_ && g.owns_memory_alone() &&
                       !requires_grad(g) && (g.dim() == 0 || g.strides().back() != 0) &&
                       !may_overlap_itself(g);
    Tensor result = reuse ? g : gradient_result(reads, g);
    if (reuse) *g->version = 0;  // as good as a fresh result
    if (!run_plain_gradient(i, reads, g, result) && !run_general_gradient(i, reads, g, result))
        return formula(i, g);
    if (row(op_).writes_gradient >> i & 1) result.bump_version();
    return result;
}

Tensor ElementwiseNode::formula(int i, const Tensor& g) const {
    const RowInfo& r = row(op_);
    Tensor abc[3];
    for (int s = 0; s < r.arity; ++s)
        if (r.reads[i] >> (s + 1) & 1) abc[s] = operand(s);
    const Tensor y = r.reads[i] & 16 ? saved_[3].unpack(this) : Tensor();
    const Tensor result = r.gradient[i](g, abc, y, params_.p);
    if (r.writes_gradient >> i & 1) result.bump_version();
    return result;
}

bool ElementwiseNode::run_plain_gradient(int i, unsigned reads, const Tensor& g,
                                         const Tensor& result) {
    if (!is_plain(g) || g.dtype() != compute_) return false;
    const void* slots[kMaxLoopInputs] = {g.address()};
    for (int s = 1; s < kMaxLoopInputs; ++s) {
        if (!(reads >> s & 1) || has_number(s - 1)) continue;
        const Tensor& t = saved_[s - 1].unpack_data(this);
        if (t.dtype() != compute_ || !t.is_contiguous() || !same_shape(t.sizes(), g.sizes()))
            return false;
        slots[s] = t.address();
    }
    const LoopFn fn = kernel_table[int(op_)].gradient[i][int(compute_)];
    run_plain(fn, result.address(), slots, reads & unsigned(is_scalar_) << 1, scalars_, compute_,
              g.numel(), params_.p);
    return true;
}

// False when the operands do not fit g, since .data has given a saved tensor another shape, or are packed or lazy.
bool ElementwiseNode::run_general_gradient(int i, unsigned reads, const Tensor& g,
                                           const Tensor& result) {
    const IntSpan sizes = g.sizes();
    const DType compute = kernel_dtype(compute_);
    const LoopFn fn = kernel_table[int(op_)].gradient[i][int(compute)];
    alignas(8) char constants[3][8];
    Dims strides[kMaxLoopInputs];
    cpu::Operand operands[kMaxLoopInputs];
    const char* direct[kMaxLoopInputs] = {};
    bool all_direct = result.dtype() == compute;
    for (int s = 0; s < kMaxLoopInputs; ++s) {
        if (!(reads >> s & 1)) continue;
        if (s > 0 && has_number(s - 1)) {
            scalars_[s].store(constants[s - 1], compute);
            operands[s] = {constants[s - 1], compute, {}};
            strides[s] = Dims(sizes.size(), 0);
            all_direct = false;
            continue;
        }
        // During the loop of the gradient before another pass may have put back what hooks packed.
        if (s > 0 && saved_[s - 1].is_packed()) [[unlikely]]
            return false;
        const Tensor& t = s == 0 ? g : saved_[s - 1].unpack_data(this);
        if (!is_expandable(t.sizes(), sizes) || t.is_lazy()) return false;
        operands[s] = {t.address(), t.dtype(), {}};
        strides[s] = broadcast_strides(t.sizes(), t.strides(), sizes);
        if (t.dtype() == compute && t.is_contiguous() && same_shape(t.sizes(), sizes))
            direct[s] = t.address();
        else all_direct = false;
    }
    if (all_direct && result.is_contiguous()) {
        cpu::contiguous_loop(fn, result.address(), item_size(compute), direct, kMaxLoopInputs,
                             item_size(compute), g.numel(), params_.p);
        return true;
    }
    for (int s = 0; s < kMaxLoopInputs; ++s) operands[s].strides = strides[s];
    cpu::elementwise_loop(fn, {result.address(), result.dtype(), result.strides()}, operands, sizes,
                          compute, compute, params_.p);
    return true;
}

}  // namespace

// A gradient is laid out like a result of g and what its formula reads.
Tensor ElementwiseNode::gradient_result(unsigned reads, const Tensor& g) const {
    if (g.is_contiguous()) return empty(g.sizes(), compute_);
    if (is_dense(g.sizes(), g.strides())) return empty_like(g, compute_);
    SmallVector<Arg, 5> operands{Arg(g)};
    for (int s = 0; s < 4; ++s)
        if (reads >> (s + 1) & 1 && !has_number(s) && !saved_[s].is_packed()) {
            const Tensor& t = saved_[s].unpack_data(this);
            if (is_expandable(t.sizes(), g.sizes())) operands.push_back(Arg(t));
        }
    const Dims shape(g.sizes());
    return empty_strided(shape, result_strides({operands.data(), operands.size()}, shape),
                         compute_);
}

// --- forward ---

namespace {

Tensor make_result(Args args, const Dims& shape, DType dtype) {
    bool alike = true;
    for (const Arg& arg : args)
        alike = alike && arg.is_tensor() && arg.tensor().is_contiguous() &&
                same_shape(arg.tensor().sizes(), shape);
    return alike ? empty(shape, dtype) : empty_strided(shape, result_strides(args, shape), dtype);
}

// Computes into `out`, which has the common shape.
void run_forward(Op op, const RowInfo& r, const Tensor& out, Args args, DType compute_as,
                 const Params& params) {
    if (op == Op::pow && (compute_as == DType::Bool || is_complex(compute_as)))
        if (const Tensor easy = easy_power(args, compute_as); easy.defined())
            return copy_values(out, easy);
    check_supported(r, op, compute_as, args);
    const DType compute = kernel_dtype(compute_as);
    const LoopFn fn = kernel_table[int(loop_of(op, args, compute_as))].forward[int(compute)];
    if (!fn) fail_not_implemented(op, r, compute_as, args);
    const DType result = result_dtype(r, op, compute);
    if (r.is_test && r.arity > 1)
        warn_if_discards(compute, out.dtype());  // PyTorch writes 0 and 1 of the operands' dtype
    const IntSpan sizes = out.sizes();
    if (!r.is_test && is_half(compute_as) && out.dtype() != compute_as) {
        // A wider out= shows the result rounded to the dtype of the computation.
        const Tensor rounded = empty(sizes, compute_as);
        run_forward(op, r, rounded, args, compute_as, params);
        return copy_values(out, rounded);
    }
    alignas(16) char constants[3][kMaxItemSize];
    cpu::Operand operands[3];
    Tensor rounded[3];
    Dims strides[3];
    const char* direct[3] = {};
    bool all_direct = out.is_contiguous() && out.dtype() == result;
    for (size_t k = 0; k < args.size(); ++k) {
        const bool rounds = rounds_operand(op, k, args[k], compute_as);
        if (!args[k].is_tensor()) {
            store_operand(op, k, args[k].scalar(), constants[k], compute, compute_as, rounds);
            operands[k] = {constants[k], compute, {}};
            all_direct = false;
            continue;
        }
        const Tensor* t = &args[k].tensor();
        if (rounds && t->dtype() != compute_as) {
            rounded[k] = to_dtype(detach(*t), compute_as);
            t = &rounded[k];
        }
        operands[k] = {t->address(), t->dtype(), {}};
        if (t->dtype() == compute && t->is_contiguous() && same_shape(t->sizes(), sizes)) {
            direct[k] = t->address();
            continue;
        }
        all_direct = false;
        if (t->is_lazy()) [[unlikely]] {
            rounded[k] = resolved(*t);
            operands[k].data = rounded[k].address();
        }
    }
    if (all_direct) {
        cpu::contiguous_loop(fn, out.address(), item_size(result), direct, int(args.size()),
                             item_size(compute), out.numel(), params.p);
        return;
    }
    for (size_t k = 0; k < args.size(); ++k) {
        if (args[k].is_tensor()) {
            const Tensor& t = rounded[k].defined() ? rounded[k] : args[k].tensor();
            strides[k] = broadcast_strides(t.sizes(), t.strides(), sizes);
        } else {
            strides[k] = Dims(sizes.size(), 0);
        }
        operands[k].strides = strides[k];
    }
    cpu::elementwise_loop(fn, {out.mutable_raw(), out.dtype(), out.strides()},
                          {operands, args.size()}, sizes, compute, result, params.p);
}

// Of inference tensors alone only operations with a number that is a tensor to PyTorch are recorded.
bool any_tracked(const RowInfo& r, Args args) {
    for (const Arg& a : args)
        if (a.is_tensor() ? !a.tensor()->inference : r.same_node) return true;
    return false;
}

// `r` must have a node.
inline bool wants_history(const RowInfo& r, Args args) {
    if (!grad_enabled()) return false;
    for (const Arg& a : args)
        if (a.is_tensor() && requires_grad(a.tensor()))
            return !a.tensor()->inference || any_tracked(r, args);
    return false;
}

// As in PyTorch one row over complex numbers has no derivative.
void check_derivative(Op op, const RowInfo& r, Args args, DType compute) {
    WG_CHECK(op != Op::silu || !is_complex(compute) || !wants_history(r, args),
             "silu does not support automatic differentiation for outputs with complex dtype.");
}

// Of a comparison that was written over an operand: no gradient goes further.
Ref<Node> make_comparison_node(const RowInfo& r, Args args) {
    const Tensor* inputs[2] = {};
    std::array<DType, 2> dtypes{};
    size_t n = 0;
    for (const Arg& a : args) {
        if (!a.is_tensor()) continue;
        inputs[n] = &a.tensor();
        dtypes[n++] = a.tensor().dtype();
    }
    return make_node(n == 1 ? r.node_scalar : r.node, {inputs, n}, [dtypes](Backward& d) {
        for (size_t i = 0; i < d.num_inputs(); ++i)
            if (d.needs(i)) d.set(i, conform_dtype(zeros_like(d.grad()), dtypes[i]));
    });
}

// Makes the node and keeps what the gradients with a taker read, except the result and an operand that is
// written to.
Ref<ElementwiseNode> make_elementwise_node(Op op, const RowInfo& r, Args args, DType compute,
                                           const Params& params, const char* node_name,
                                           unsigned& reads, bool writes_first = false) {
    const bool given = node_name;
    if (!given) {
        node_name = !args[0].is_tensor()       ? r.node_reversed
                    : !args.back().is_tensor() ? r.node_scalar
                                               : r.node;
    }
    auto node = ElementwiseNode::make(op, node_name, params);
    node->site.capture();
    reads = 0;
    const bool only_taken = not_implemented(node_name);
    for (size_t i = 0; i < args.size(); ++i) {
        const bool is_tensor = args[i].is_tensor();
        // As PyTorch's nodes: no edge for a condition, nor for a number but where the node is that of the
        // overload for tensors.
        if (!is_tensor && (given || !r.same_node)) continue;
        if (i == 0 && op == Op::where_choice) continue;
        Edge e = is_tensor && is_differentiable(args[i].tensor().dtype())
                     ? gradient_edge(args[i].tensor())
                     : Edge{};
        if (only_taken && !e) continue;
        if (e) reads |= r.reads[i];
        if (e && op == Op::pow && args[1].is_tensor()) reads |= r.reads[1];
        if (op == Op::clamp_high && i == 1) node->add_edge_of(0, {});  // that of the lower bound
        node->add_edge_of(int(i), std::move(e));
    }
    if (op == Op::clamp_low && args[1].is_tensor()) node->add_edge_of(0, {});
    node->set_compute(compute, reads);
    for (size_t k = 0; k < args.size(); ++k) {
        if (!(reads >> (k + 1) & 1)) continue;
        if (writes_first && k == 0) continue;
        if (args[k].is_tensor()) node->keep_operand(int(k), args[k].tensor());
        else node->keep_scalar(int(k), args[k].scalar());
    }
    return node;
}

void check_overlaps(const Tensor& written, Args args) {
    for (const Arg& a : args)
        if (a.is_tensor()) check_no_partial_overlap(written, a.tensor());
}

// Into `out`, whose dtype may be bool.
inline void run_plain_forward(LoopFn fn, const Tensor& out, Args args, const Params& params) {
    DType dtype{};
    const void* slots[kMaxLoopInputs];
    Scalar values[3];
    unsigned numbers = 0;
    for (size_t k = 0; k < args.size(); ++k) {
        if (args[k].is_tensor()) {
            slots[k] = args[k].tensor().address();
            dtype = args[k].tensor().dtype();
        } else {
            values[k] = args[k].scalar();
            numbers |= 1u << k;
        }
    }
    run_plain(fn, out.address(), slots, numbers, values, dtype, out.numel(), params.p);
}

}  // namespace

Tensor elementwise(Op op, Args args, const Params& params, const char* node_name) {
    if (watched()) [[unlikely]]
        return watch_elementwise(op, args, params, node_name);
    Tensor out;
    DType compute;
    const RowInfo* row_of_op = &row(op);
    if (const LoopFn plain = plain_loop(op, args)) {
        const RowInfo& r = *row_of_op;
        const Tensor& like = args[0].is_tensor() ? args[0].tensor() : args[1].tensor();
        compute = like.dtype();
        if (*r.parameters) check_parameters(op, compute, args, params);
        out = empty_like(like, r.is_test ? DType::Bool : compute);
        run_plain_forward(plain, out, args, params);
    } else {
        check_operands(op, args);
        op = on_bool(op, args);
        row_of_op = &row(op);
        const RowInfo& r = *row_of_op;
        compute = compute_dtype(r, op, args);
        const DType dtype = result_dtype(r, op, compute);
        // PyTorch's log_sigmoid, powers of a number and angles of complex ones do not keep the layout.
        const bool contiguous = op == Op::log_sigmoid || (op == Op::pow && !args[0].is_tensor()) ||
                                (op == Op::angle && is_complex(compute));
        const Dims shape = common_shape(args);
        out = contiguous ? empty(shape, dtype) : make_result(args, shape, dtype);
        if (is_identity_on(r, compute)) {
            copy_values(out, args[0].tensor());
            return out;
        }
        if (*r.parameters) check_parameters(op, compute, args, params);
        check_derivative(op, r, args, compute);
        if (!is_floating(compute) && out.numel() > 0) check_integer_arguments(op, compute, args);
        run_forward(op, r, out, args, compute, params);
    }
    const RowInfo& r = *row_of_op;
    if (r.differentiable && wants_history(r, args) && is_differentiable(out.dtype())) {
        if (op == Op::nan_replaced) [[unlikely]]
            refuse_complex_history("nan_to_num", out, args[0].tensor());
        unsigned reads;
        auto node = make_elementwise_node(op, r, args, compute, params, node_name, reads);
        set_history(out, *node);
        if (forward_mode() && any_tangent(args)) [[unlikely]]
            push_elementwise(r, op, args, out, params);
        if (reads & 16) node->keep_result(out);
        pack_saved(*node);
    } else if (forward_mode() && r.differentiable && is_differentiable(out.dtype()) &&
               any_tangent(args)) [[unlikely]] {
        push_elementwise(r, op, args, out, params);
    }
    return out;
}

Tensor& elementwise_(Op op, Tensor& self, Args args, const Params& params, const char* node_name) {
    if (watched()) [[unlikely]]
        return watch_elementwise_(op, self, args, params, node_name);
    op = written_form(on_bool(op, args));
    const RowInfo& r = row(op);
    const bool has_node = r.differentiable || *r.node;
    const bool records = has_node && wants_history(r, args) && is_differentiable(self.dtype());
    const auto outside = [](const Arg& a) {
        return a.is_tensor() && has_history_outside(a.tensor());
    };
    if (has_node || !r.is_test)
        check_history(self, records, transform_level && std::ranges::any_of(args, outside));
    else announce_write(self);
    check_not_expanded(self);
    check_operands(op, args);
    WG_CHECK(op != Op::abs || !is_complex(self.dtype()),
             "In-place abs is not supported for complex tensors.");
    check_overlaps(self, args);
    DType compute = self.dtype();
    const LoopFn plain = r.is_test ? nullptr : plain_loop(op, args);
    if (!plain) {
        compute = compute_dtype(r, op, args);
        check_derivative(op, r, args, compute);
        const DType dtype = result_dtype(r, op, compute);
        const Dims shape = common_shape(args);
        WG_CHECK(same_shape(shape, self.sizes()), "output with shape ", to_string(self.sizes()),
                 " doesn't match the broadcast shape ", to_string(shape));
        WG_CHECK(
            can_cast(dtype, self.dtype()), "result type ", scalar_name(dtype),
            " can't be cast to the desired output type ",
            clamps_to_numbers(op, args) ? info(self.dtype()).c_name : scalar_name(self.dtype()));
    }
    if (*r.parameters) check_parameters(op, compute, args, params);
    if (is_identity_on(r, compute)) {
        self.bump_version();
        return self;
    }
    if (!is_floating(compute) && self.numel() > 0) check_integer_arguments(op, compute, args);

    Ref<Node> node;
    unsigned reads = 0;
    if (const MissingDerivative missing = missing_inplace_derivative(op, params);
        records && missing.message) {
        const Tensor* inputs[] = {&self};
        node = make_node(missing.node ? missing.node : r.node, inputs, [missing](Backward&) {
            fail(missing.node ? ErrorKind::NotImplemented : ErrorKind::Runtime, missing.message);
        });
    } else if (records && r.is_test) {
        node = make_comparison_node(r, args);
    } else if (records) {
        // A gradient that reads the old value of self needs a copy of it, recorded for the derivative of that
        // gradient. Other operands that share memory with self are saved as they are: reading them later
        // is the error about a modified variable, as in PyTorch.
        const bool writes_first = args[0].is_tensor() && args[0].tensor().is_same(self);
        auto n =
            make_elementwise_node(op, r, args, compute, params, node_name, reads, writes_first);
        if ((reads & 2) && writes_first) n->keep_operand(0, clone(self));
        n->mark_in_place();
        pack_saved(*n);
        node = Ref<Node>(n.get());
    }
    TangentUpdate tangents;
    const bool forward = forward_mode() && any_tangent(args);
    if (forward) [[unlikely]]
        tangents = tangents_of_write(op, self, args, params, node_name);
    if (plain) run_plain_forward(plain, self, args, params);
    else run_forward(op, r, self, args, compute, params);
    Node* made = node.get();
    rebase_history(self, std::move(node));
    if (reads & 16) static_cast<ElementwiseNode*>(made)->keep_result(self);
    if (forward) [[unlikely]]
        tangents.apply(self, made);
    if (reads & 16) pack_saved(*made);
    return self;
}

Tensor& elementwise_out(Op asked, Tensor& out, Args args, const Params& params, const char* name) {
    const Op op = on_bool(asked, args);
    const RowInfo& r = row(op);
    if (!name) name = asked == Op::square ? "pow" : row(asked).name;
    // What has no derivative (but for tests, which give bool) only asks that out has no history.
    const bool constant = !row(asked).differentiable && !row(asked).is_test;
    const bool only_out = constant || op == Op::floor_divide;
    bool history = requires_grad(out);
    for (const Arg& a : args)
        history = history || (!only_out && a.is_tensor() && requires_grad(a.tensor()));
    WG_CHECK(
        !history || !grad_enabled() || row(asked).is_test, only_out ? "aten::" : "", name,
        "(): functions with out=... arguments don't support automatic differentiation, but one of the arguments "
        "requires grad.");
    if (forward_mode() && (has_tangent(out) || any_tangent(args))) [[unlikely]]
        fail_forward_out(name);
    check_operands(op, args);
    WG_CHECK(
        !is_expanded(out.sizes(), out.strides()),
        "unsupported operation: more than one element of the written-to tensor refers to a single memory location. "
        "Please clone() the tensor before performing the operation.");
    check_overlaps(out, args);
    const DType compute = compute_dtype(r, op, args);
    const DType dtype = result_dtype(r, op, compute);
    const Dims shape = common_shape(args);
    WG_CHECK(op != Op::where_choice || out.dtype() == dtype, "Expected out type to be ",
             scalar_name(dtype), " but got ", scalar_name(out.dtype()));
    WG_CHECK(op != Op::nan_replaced || out.dtype() == dtype,
             "nan_to_num: dtype of out: ", scalar_name(out.dtype()),
             " should be same as input: ", scalar_name(dtype));
    WG_CHECK(casts_into_out(asked, args) || out.dtype() == dtype, "Found dtype ",
             scalar_name(out.dtype()), " but expected ", scalar_name(dtype));
    WG_CHECK(can_cast(dtype, out.dtype()), "result type ", scalar_name(dtype),
             " can't be cast to the desired output type ", scalar_name(out.dtype()));
    if (is_identity_on(r, compute)) return write_out(out, args[0].tensor(), name);
    if (!same_shape(out.sizes(), shape)) {
        for (const Arg& a : args)
            WG_CHECK(!a.is_tensor() || !a.tensor().is_same(out), "output with shape ",
                     to_string(out.sizes()), " doesn't match the broadcast shape ",
                     to_string(shape));
        const Dims strides = result_strides(args, shape);
        resize_out(out, shape);
        if (out.numel() > 0) std::copy(strides.begin(), strides.end(), out->dims + shape.size());
        out->update_geometry();
    }
    if (*r.parameters) check_parameters(op, compute, args, params);
    if (!is_floating(compute) && out.numel() > 0) check_integer_arguments(op, compute, args);
    announce_write(out, false);
    run_forward(op, r, out, args, compute, params);
    if (only_out && r.differentiable && wants_history(r, args)) {
        unsigned reads;
        auto node = make_elementwise_node(op, r, args, compute, params, nullptr, reads);
        rebase_history(out, Ref<Node>(node.get()));
    } else {
        out.bump_version();
    }
    return out;
}

}  // namespace wg
