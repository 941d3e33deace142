// Sums of products over named dims, and what is made of them: einsum, tensordot, inner.
// Start with Equation, which reads the string; contract() multiplies two operands by one bmm.
#include <algorithm>
#include <array>

#include "autograd/record.h"
#include "ops/functions.h"

namespace wg {

namespace {

constexpr int kLetters = 52;  // A to Z, a to z: the order of implied outputs
constexpr int kEllipsis = kLetters;

int label_of(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    return -1;
}
char letter_of(int label) { return label < 26 ? char('A' + label) : char('a' + label - 26); }

using Labels = SmallVector<int, 8>;

// What stands for one operand or for the output: letters, and at most one ellipsis.
// `part` begins at `start` of the whole text.
Labels read_labels(std::string_view part, size_t start, const std::string& whose) {
    Labels labels;
    bool dots = false;
    for (size_t i = 0; i < part.size(); ++i) {
        if (part[i] == ' ') continue;
        if (part[i] == '.') {
            WG_CHECK(part.substr(i, 3) == "..." && !dots, "einsum(): found '.' ", whose,
                     " that is not part of any ellipsis");
            dots = true;
            labels.push_back(kEllipsis);
            i += 2;
            continue;
        }
        const int label = label_of(part[i]);
        WG_CHECK(label >= 0, "einsum(): invalid subscript given at index ", start + i,
                 " in the equation string, subscripts must "
                 "be in [a-zA-Z]");
        labels.push_back(label);
    }
    return labels;
}

struct Equation {
    std::vector<Labels> inputs;
    Labels output;
    int64_t ellipsis_dims = 0;
    bool has_arrow = false;

    Equation(std::string_view text, const TensorList& operands);
};

Equation::Equation(std::string_view text, const TensorList& operands) {
    const size_t arrow = text.find("->");
    has_arrow = arrow != std::string_view::npos;
    std::string_view left = text.substr(0, arrow);
    for (;;) {
        const size_t comma = left.find(',');
        inputs.push_back(read_labels(left.substr(0, comma), size_t(left.data() - text.data()),
                                     str("for operand ", inputs.size())));
        if (comma == std::string_view::npos) break;
        left = left.substr(comma + 1);
    }
    WG_CHECK(inputs.size() <= operands.size(),
             "einsum(): fewer operands were provided than specified in the equation");
    WG_CHECK(inputs.size() >= operands.size(),
             "einsum(): more operands were provided than specified in the equation");

    std::array<int, kLetters + 1> uses{};
    for (size_t k = 0; k < inputs.size(); ++k) {
        int64_t letters = 0;
        bool dots = false;
        for (int label : inputs[k]) {
            ++uses[label];
            if (label == kEllipsis) dots = true;
            else ++letters;
        }
        const int64_t n = operands[k].dim();
        WG_CHECK(dots ? letters <= n : letters == n,
                 "einsum(): the number of subscripts in the equation (", letters,
                 dots ? ") is more than the number of dimensions ("
                      : ") does not match the number of dimensions (",
                 n, ") for operand ", k, dots ? "" : " and no ellipsis was given");
        if (dots) ellipsis_dims = std::max(ellipsis_dims, n - letters);
    }
    if (has_arrow) {
        output = read_labels(text.substr(arrow + 2), arrow + 2, "for the output");
        std::array<int, kLetters + 1> seen{};
        for (int label : output) {
            WG_CHECK(label == kEllipsis || uses[label] > 0, "einsum(): output subscript ",
                     letter_of(label), " does not appear in the equation for any input operand");
            WG_CHECK(++seen[label] == 1, "einsum(): output subscript ", letter_of(label),
                     " appears more than once in the output");
        }
    } else {
        if (uses[kEllipsis] > 0) output.push_back(kEllipsis);
        for (int label = 0; label < kLetters; ++label)
            if (uses[label] == 1) output.push_back(label);
    }
}

// The dims of the whole computation: those of the output first, then those that are summed over.
struct Space {
    std::array<int64_t, kLetters> place;  // -1: not used
    int64_t ellipsis = 0, ellipsis_dims = 0, outputs = 0, dims = 0;

    explicit Space(const Equation& eq) {
        place.fill(-1);
        ellipsis_dims = eq.ellipsis_dims;
        bool ellipsis_out = false;
        for (int label : eq.output) {
            if (label == kEllipsis) {
                ellipsis = dims;
                dims += ellipsis_dims;
                ellipsis_out = true;
            } else {
                place[label] = dims++;
            }
        }
        outputs = dims;
        if (!ellipsis_out) {
            ellipsis = dims;
            dims += ellipsis_dims;
        }
        std::array<bool, kLetters> used{};
        for (const Labels& labels : eq.inputs)
            for (int label : labels)
                if (label != kEllipsis) used[label] = true;
        for (int label = 0; label < kLetters; ++label)
            if (used[label] && place[label] < 0) place[label] = dims++;
    }
};

// The operand with its dims in the order of the space, size 1 where it has none. Repeated labels
// become their diagonal.
Tensor spread_out(const Space& space, const Labels& labels, Tensor t, size_t number) {
    SmallVector<int64_t, 8> places;  // of the dims of t so far
    int64_t letters = 0;
    for (int label : labels) letters += label != kEllipsis;
    const int64_t covered = t.dim() - letters;
    int64_t d = 0;
    for (int label : labels) {
        if (label == kEllipsis) {
            for (int64_t i = 0; i < covered; ++i, ++d)
                places.push_back(space.ellipsis + space.ellipsis_dims - covered + i);
            continue;
        }
        const int64_t place = space.place[label];
        const auto* before = std::find(places.begin(), places.end(), place);
        if (before == places.end()) {
            places.push_back(place);
            ++d;
            continue;
        }
        const int64_t first = before - places.begin();
        WG_CHECK(t->dims[first] == t->dims[d], "einsum(): subscript ", letter_of(label),
                 " is repeated for operand ", number, " but the sizes don't match, ", t->dims[d],
                 " != ", t->dims[first]);
        t = movedim(diagonal(t, 0, first, d), {-1}, {first});
    }
    Dims order(size_t(space.dims), -1);
    for (size_t i = 0; i < places.size(); ++i) order[places[i]] = int64_t(i);
    for (int64_t& from : order)
        if (from < 0) {
            from = t.dim();
            t = unsqueeze(t, t.dim());
        }
    return permute(t, order);
}

// Multiplies a and b, of equal rank with sizes that are equal or 1, and sums over the dims marked.
// Summed dims stay with size 1.
Tensor contract(Tensor a, Tensor b, const SmallVector<bool, 8>& summed) {
    const int64_t n = a.dim();
    Dims both, only_a, only_b, inside;  // the dims in their roles
    for (int64_t d = 0; d < n; ++d) {
        const bool in_a = a->dims[d] != 1, in_b = b->dims[d] != 1;
        if (summed[d]) {
            if (in_a && !in_b) a = sum_over(a, Dims{d}, true);
            if (in_b && !in_a) b = sum_over(b, Dims{d}, true);
            inside.push_back(d);
        } else if (in_a && in_b) {
            both.push_back(d);
        } else if (in_a) {
            only_a.push_back(d);
        } else {
            only_b.push_back(d);
        }
    }
    const auto size_of = [](const Tensor& t, const Dims& dims) {
        int64_t size = 1;
        for (int64_t d : dims) size *= t->dims[d];
        return size;
    };
    const auto chain = [](std::initializer_list<const Dims*> parts) {
        Dims all;
        for (const Dims* part : parts) all.append(part->begin(), part->end());
        return all;
    };
    const int64_t batch = size_of(a, both), rows = size_of(a, only_a), columns = size_of(b, only_b),
                  k = size_of(a, inside);
    const Tensor left =
        reshape(permute(a, chain({&both, &only_a, &inside, &only_b})), {batch, rows, k});
    const Tensor right =
        reshape(permute(b, chain({&both, &inside, &only_b, &only_a})), {batch, k, columns});
    const Tensor product = bmm(left, right);

    const Dims order = chain({&both, &only_a, &inside, &only_b});
    Dims shape, inverse(size_t(n), 0);
    for (size_t i = 0; i < order.size(); ++i) {
        const int64_t d = order[i];
        shape.push_back(summed[d] ? 1 : a->dims[d] != 1 ? a->dims[d] : b->dims[d]);
        inverse[d] = int64_t(i);
    }
    return permute(view(product, shape), inverse);
}

// Whether the first dim of the output that only one of two operands has is the second's: then the
// product is laid out like the output when the two change places.
bool starts_with_second(const Space& space, const TensorList& spread) {
    for (int64_t d = 0; d < space.outputs; ++d) {
        const bool first = spread[0]->dims[d] != 1, second = spread[1]->dims[d] != 1;
        if (first != second) return second;
    }
    return false;
}

void check_sizes(const Space& space, const Equation& eq, const TensorList& spread) {
    Dims seen(size_t(space.dims), 1);
    for (size_t k = 0; k < spread.size(); ++k)
        for (int64_t d = 0; d < space.dims; ++d) {
            const int64_t size = spread[k]->dims[d];
            if (size == 1) continue;
            if (seen[d] != 1 && seen[d] != size) {
                std::string name = "...";
                for (int label : eq.inputs[k])
                    if (label != kEllipsis && space.place[label] == d) name = letter_of(label);
                fail(ErrorKind::Runtime,
                     str("einsum(): subscript ", name, " has size ", size, " for operand ", k,
                         " which does not broadcast with previously seen size ", seen[d]));
            }
            seen[d] = size;
        }
}

}  // namespace

Tensor einsum(std::string_view equation, const TensorList& operands) {
    WG_CHECK(!operands.empty(), "einsum(): must provide at least one operand");
    const Equation eq(equation, operands);
    const Space space(eq);
    TensorList spread;
    for (size_t k = 0; k < operands.size(); ++k)
        spread.push_back(spread_out(space, eq.inputs[k], operands[k], k));

    check_sizes(space, eq, spread);
    if (spread.size() == 2 && starts_with_second(space, spread)) std::swap(spread[0], spread[1]);
    // The last operand in which a dim is longer than 1: there it can be summed.
    SmallVector<size_t, 8> last(size_t(space.dims), 0);
    for (size_t k = 0; k < spread.size(); ++k)
        for (int64_t d = 0; d < space.dims; ++d)
            if (spread[k]->dims[d] != 1) last[d] = k;

    Tensor result = spread[0];
    if (spread.size() == 1) {
        if (space.dims == space.outputs) return result;
        Dims dims;
        for (int64_t d = space.outputs; d < space.dims; ++d) dims.push_back(d);
        return sum_over(result, dims);
    }
    Dims early;  // summed before any product
    for (int64_t d = space.outputs; d < space.dims; ++d)
        if (last[d] == 0) early.push_back(d);
    if (!early.empty()) result = sum_over(result, early, true);
    for (size_t k = 1; k < spread.size(); ++k) {
        SmallVector<bool, 8> summed(size_t(space.dims), false);
        bool any = false;
        for (int64_t d = space.outputs; d < space.dims; ++d)
            if (last[d] == k) any = summed[d] = true;
        result = any ? contract(result, spread[k], summed) : result * spread[k];
    }
    return space.dims == space.outputs
               ? result
               : view(result, Dims(result.sizes().first(size_t(space.outputs))));
}

Tensor tensordot(const Tensor& first, const Tensor& second, const Dims& dims_a,
                 const Dims& dims_b) {
    WG_CHECK(dims_a.size() == dims_b.size(), "both dimension lists should have same length");
    WG_CHECK(first.dtype() == second.dtype(), "both inputs should have same dtype");
    Tensor a = first, b = second;
    Dims order_a, order_b, shape;
    SmallVector<bool, 8> in_a(size_t(a.dim()), false), in_b(size_t(b.dim()), false);
    int64_t k = 1;
    for (size_t i = 0; i < dims_a.size(); ++i) {
        const int64_t da = wrap_dim(dims_a[i], a.dim()), db = wrap_dim(dims_b[i], b.dim());
        // A size of 1 broadcasts: the other operand is summed first.
        if (b->dims[db] == 1) a = sum_over(a, Dims{da}, true, first.dtype());
        else if (a->dims[da] == 1) b = sum_over(b, Dims{db}, true, second.dtype());
        WG_CHECK(a->dims[da] == b->dims[db],
                 "contracted dimensions need to match, but first has size ", a->dims[da],
                 " in dim ", dims_a[i], " and second has size ", b->dims[db], " in dim ",
                 dims_b[i]);
        in_a[da] = in_b[db] = true;
        k *= a->dims[da];
    }
    int64_t rows = 1, columns = 1;
    for (int64_t d = 0; d < a.dim(); ++d)
        if (!in_a[d]) {
            order_a.push_back(d);
            shape.push_back(a->dims[d]);
            rows *= a->dims[d];
        }
    for (int64_t d : dims_a) order_a.push_back(d);
    for (int64_t d : dims_b) order_b.push_back(d);
    for (int64_t d = 0; d < b.dim(); ++d)
        if (!in_b[d]) {
            order_b.push_back(d);
            shape.push_back(b->dims[d]);
            columns *= b->dims[d];
        }
    if (shape.empty()) {
        const Tensor pa = permute(a, order_a), pb = permute(b, order_b);
        const auto flat = [&](const Tensor& t) { return t.dim() == 1 ? t : view(t, {k}); };
        return view(has_contiguous_layout(pa) && has_contiguous_layout(pb)
                        ? dot(flat(pa), flat(pb))
                        : sum(squeeze(pa) * squeeze(pb), {}, false, first.dtype()),
                    shape);
    }
    return view(
        mm(reshape(permute(a, order_a), {rows, k}), reshape(permute(b, order_b), {k, columns})),
        shape);
}

Tensor inner(const Tensor& a, const Tensor& b) {
    if (a.dim() == 0 || b.dim() == 0) return a * b;
    WG_CHECK(a.size(-1) == b.size(-1),
             "inner() the last dimension must match on both input tensors but got shapes ",
             to_string(a.sizes()), " and ", to_string(b.sizes()));
    return tensordot(a, b, {-1}, {-1});
}

namespace {

// einsum of three operands as one node, whose gradients are of the same kind: the dims of the operand and of the
// result change places. Every dim of an operand is one of the result or of another operand.
Tensor trilinear(const std::array<const Tensor*, 3>& operands,
                 const std::array<std::string, 4>& dims) {
    Tensor out;
    {
        Unrecorded off;
        out = detach(contiguous(einsum(dims[0] + "," + dims[1] + "," + dims[2] + "->" + dims[3],
                                       {*operands[0], *operands[1], *operands[2]})));
    }
    refuse_complex_history("_trilinear", out, *operands[0], *operands[1], *operands[2]);
    // Kept for the gradients of the other two.
    const auto save_for = [&](const char* name, size_t i) {
        return save_if(
            is_differentiated(*operands[(i + 1) % 3]) || is_differentiated(*operands[(i + 2) % 3]),
            name, *operands[i]);
    };
    // The dims of bilinear's equation that an operand or the result does not have.
    const auto others = [&](size_t i) {
        Dims found;
        for (int64_t d = 0; d < 4; ++d)
            if (dims[i].find("nkij"[d]) == std::string::npos) found.push_back(d);
        return found;
    };
    record("TrilinearBackward0", out, {*operands[0], *operands[1], *operands[2]},
           {save_for("i1", 0), save_for("i2", 1), save_for("i3", 2)},
           with<"expand1", "expand2", "expand3", "sumdim">(others(0), others(1), others(2),
                                                           others(3))([dims](Backward& d) {
               const Tensor saved[] = {d.saved(0), d.saved(1), d.saved(2)};
               for (size_t i = 0; i < 3; ++i) {
                   if (!d.needs(i)) continue;
                   std::array<const Tensor*, 3> operands = {&saved[0], &saved[1], &saved[2]};
                   operands[i] = &d.grad();
                   std::array<std::string, 4> changed = dims;
                   std::swap(changed[i], changed[3]);
                   d.set(i, trilinear(operands, changed));
               }
           }));
    return out;
}

}  // namespace

Tensor bilinear(const Tensor& x1, const Tensor& x2, const Tensor& weight, const OptTensor& bias) {
    const bool same = x1.dtype() == weight.dtype() && x2.dtype() == weight.dtype() &&
                      (!bias || bias->dtype() == weight.dtype());
    if (!same) {
        const auto name = [](const Tensor& t) { return info(t.dtype()).c_name; };
        std::string message = str("All tensors must have the same dtype, got input1: ", name(x1),
                                  ", input2: ", name(x2), ", weight: ", name(weight));
        if (bias) message += str(", bias: ", name(*bias));
        fail(ErrorKind::Runtime, message);
    }
    WG_CHECK(x1.dim() == x2.dim(), "bilinear(): input dimensions do not match: got ", x1.dim(),
             " and ", x2.dim());
    for (int64_t d = 0; d < x1.dim() - 1; ++d)
        WG_CHECK(x1.size(d) == x2.size(d),
                 "bilinear(): input batch dimensions do not match at dim ", d, ": got ", x1.size(d),
                 " and ", x2.size(d));
    const Tensor* inputs[] = {&x1, &x2};
    for (int64_t i : {1, 2}) {
        const int64_t size = inputs[i - 1]->size(-1);
        WG_CHECK(size == weight.size(i), "bilinear(): input", i,
                 " size does not match weight size: got ", size, " but expected ", weight.size(i));
    }
    WG_CHECK(!bias || bias->size(0) == weight.size(0),
             "bilinear(): bias size does not match weight size: got ", bias ? bias->size(0) : 0,
             " but expected ", weight.size(0));
    Dims shape(x1.sizes());
    shape.back() = weight.size(0);
    const Tensor rows1 = reshape(x1, {-1, x1.size(-1)}), rows2 = reshape(x2, {-1, x2.size(-1)});
    const Tensor out =
        reshape(trilinear({&rows1, &weight, &rows2}, {"ni", "kij", "nj", "nk"}), shape);
    return bias ? out + *bias : out;
}

}  // namespace wg
