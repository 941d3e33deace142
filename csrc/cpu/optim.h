// One pass of an optimizer over the elements of a parameter and its state, all contiguous and of one
// floating dtype. Start with ops/optim.cpp, which knows where the numbers come from.
#pragma once

#include <cstdint>

#include "tensor/dtype.h"

namespace wg {

// SGD with momentum: Sutskever et al., 2013. `buffer` is null without momentum; `first`: it has no
// value yet and starts from the gradient.
struct SgdPass {
    double lr, momentum, dampening, weight_decay;
    bool nesterov, maximize, first;
};
void sgd_pass(DType dtype, const SgdPass& pass, char* param, const char* grad, char* buffer,
              int64_t n);

// Adam: Kingma and Ba, 2015; AdamW (`decoupled`): Loshchilov and Hutter, 2019. `max_avg_sq` is null
// without amsgrad. step_size = lr / (1 - beta1^step); root = sqrt(1 - beta2^step).
struct AdamPass {
    double lr, beta1, beta2, eps, weight_decay, step_size, root;
    bool maximize, decoupled;
};
void adam_pass(DType dtype, const AdamPass& pass, char* param, const char* grad, char* avg,
               char* avg_sq, char* max_avg_sq, int64_t n);

namespace optim_impl {

struct Kernels {
    using Sgd = void (*)(const SgdPass&, char*, const char*, char*, int64_t);
    using Adam = void (*)(const AdamPass&, char*, const char*, char*, char*, char*, int64_t);
    Sgd sgd[kNumDTypes];  // null for what is not floating
    Adam adam[kNumDTypes];
};

}  // namespace optim_impl
}  // namespace wg
