// PyTorch's names and arguments of elementwise operations, from the rows of elementwise.def.
// Start with name_of(); the exceptions in it are what the rows do not say.
#include "ops/elementwise_watch.h"

#include <cctype>
#include <set>

#include "ops/elementwise_rules.h"

namespace wg {

namespace {

// "LeakyReluBackward1": "leaky_relu".
std::string name_of_node(std::string_view node) {
    node = node.substr(0, node.rfind("Backward"));
    std::string name;
    for (const char c : node) {
        if (std::isupper(c) && !name.empty()) name += '_';
        name += char(std::tolower(c));
    }
    return name;
}

std::string name_of(Op op, const char* node) {
    const RowInfo& r = row(op);
    if (node && std::string_view(node).starts_with("Rsub")) return "rsub";
    switch (op) {
    case Op::square: return "pow";
    case Op::log_sigmoid: return "log_sigmoid_forward";
    case Op::prelu_kernel: return "_prelu_kernel";
    default: {
        // A row without derivative shares its node's name with others.
        const bool node_says =
            r.forms == forms::NOWHERE && !std::string_view(r.node).starts_with("torch::");
        return node_says ? name_of_node(r.node) : r.name;
    }
    }
}

// Which of an operation's operands are numbers.
struct Numbers {
    bool first, last;
};

const char* overload_of(Op op, Numbers number, const char* node, bool writes) {
    const bool any = number.first || number.last;
    switch (op) {
    case Op::square: return writes ? "Scalar" : "Tensor_Scalar";
    case Op::floor_divide: return writes ? "Tensor" : "default";
    case Op::pow:
        if (writes) return number.last ? "Scalar" : "Tensor";
        return number.first ? "Scalar" : number.last ? "Tensor_Scalar" : "Tensor_Tensor";
    case Op::xlogy: return number.first ? "Scalar_Self" : number.last ? "Scalar_Other" : "Tensor";
    case Op::remainder: return number.first ? "Scalar_Tensor" : number.last ? "Scalar" : "Tensor";
    case Op::div_floor:
    case Op::div_trunc: return "Tensor_mode";
    case Op::round_scaled: return "decimals";
    case Op::where_choice: return "self";
    case Op::clamp_both:
    case Op::clamp_low:
    case Op::clamp_high:
    case Op::clamp_min:
    case Op::clamp_max: return number.last ? "default" : "Tensor";
    case Op::add:
    case Op::add_scaled:
    case Op::sub:
    case Op::sub_scaled:
    case Op::mul:
    case Op::div:
        // Numbers are tensors to these, but inside PyTorch's own compositions.
        return node && std::string_view(node).ends_with("Backward1") ? "Scalar" : "Tensor";
    case Op::bitwise_and:
    case Op::bitwise_or:
    case Op::bitwise_xor: return number.first ? "Scalar_Tensor" : number.last ? "Scalar" : "Tensor";
    case Op::bitwise_left_shift:
    case Op::bitwise_right_shift:
        return number.first ? "Scalar_Tensor" : number.last ? "Tensor_Scalar" : "Tensor";
    default:
        // One with two nodes has an overload for numbers.
        return row(op).arity == 1 || row(op).same_node ? "default" : any ? "Scalar" : "Tensor";
    }
}

// It lives for ever.
const char* full_name(Op op, Numbers number, const char* node, const char* ending) {
    static std::set<std::string> names;
    return names.insert(name_of(op, node) + ending + "." + overload_of(op, number, node, *ending))
        .first->c_str();
}

std::vector<Argument> arguments_of(Op op, Args args, const Params& params, const char* node) {
    std::vector<Argument> all;
    for (const Arg& a : args)
        all.push_back({a.is_tensor() ? to_value(a.tensor()) : to_value(a.scalar())});
    if (node && std::string_view(node).starts_with("Rsub")) std::swap(all[0], all[1]);
    if (op == Op::square) all.push_back({Scalar(2)});
    if (op == Op::clamp_high) all.insert(all.begin() + 1, Argument{Value()});
    static const std::set<std::string_view> keywords = {"alpha", "value", "approximate",
                                                        "rounding_mode", "decimals"};
    if (op == Op::square || op == Op::clamp_high || op == Op::clamp_low) return all;
    for (const NamedNumber& p : named_parameters(op, params.p, params.whole)) {
        Argument& a = all.emplace_back();
        std::visit([&](const auto& v) { a.value = v; }, p.value);
        if (const auto name = keywords.find(p.name); name != keywords.end() && op != Op::threshold)
            a.keyword = name->data();
        // Those that PyTorch leaves out.
        const Scalar* number = std::get_if<Scalar>(&a.value);
        const auto* text = std::get_if<std::string>(&a.value);
        a.is_default = (a.keyword && number && number->to_complex() == 1) ||
                       (text && *text == "none") ||
                       (op == Op::leaky_relu && number && number->to_double() == 0.01);
    }
    return all;
}

Numbers numbers_in(Args args) { return {!args.front().is_tensor(), !args.back().is_tensor()}; }

}  // namespace

Tensor watch_elementwise(Op op, Args args, const Params& params, const char* node) {
    return watch_call(full_name(op, numbers_in(args), node, ""),
                      arguments_of(op, args, params, node),
                      [&] { return elementwise(op, args, params, node); });
}

Tensor& watch_elementwise_(Op op, Tensor& self, Args args, const Params& params, const char* node) {
    const auto run = [&]() -> Tensor& { return elementwise_(op, self, args, params, node); };
    watch_impl::CallOf<decltype(run)> call(full_name(op, numbers_in(args), node, "_"),
                                           arguments_of(op, args, params, node), run);
    watched_call(call);
    return self;
}

std::vector<std::string> elementwise_watch_names() {
    using namespace forms;
    std::set<std::string_view> written;
#define WG_OP(name, forms, signature, function) \
    if ((forms) & INPLACE) written.insert(#name);
#include "ops/structural.def"
    for (int i = 0; i < kNumOps; ++i)
        if (row(Op(i)).forms & INPLACE) written.insert(row(Op(i)).name);
    std::set<std::string> names;
    for (int i = 0; i < kNumOps; ++i) {
        const Op op = Op(i);
        const RowInfo& r = row(op);
        // A row that Python does not find serves functions that it does.
        const bool writes = r.forms == forms::NOWHERE ? written.contains(name_of(op, r.node))
                                                      : bool(r.forms & forms::INPLACE);
        for (const Numbers n : {Numbers{false, false}, Numbers{false, true}, Numbers{true, false}})
            for (const char* node : {r.node, r.arity == 2 ? "Backward1" : r.node}) {
                if (r.arity == 1 && (n.first || n.last)) continue;
                names.insert(full_name(op, n, node, ""));
                if (writes && !n.first) names.insert(full_name(op, n, node, "_"));
            }
    }
    for (const char* overload : {".Tensor", ".Scalar"})
        names.insert(std::string("rsub") + overload);
    return {names.begin(), names.end()};
}

}  // namespace wg
