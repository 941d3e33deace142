// Optimizer steps over lists of parameters (optim.cpp). In place, not recorded.
#pragma once

#include <vector>

#include "tensor/tensor.h"

namespace wg {

struct SgdOptions {
    double lr = 0, momentum = 0, dampening = 0, weight_decay = 0;
    bool nesterov = false, maximize = false;
};
// Undefined momentum buffers are made: a first step starts from the gradient itself.
void sgd_step(const std::vector<Tensor>& params, const std::vector<Tensor>& grads,
              std::vector<Tensor>& momentum_buffers, const SgdOptions& options);

struct AdamOptions {
    double lr = 0, beta1 = 0, beta2 = 0, eps = 0, weight_decay = 0;
    bool amsgrad = false, maximize = false;
    bool decoupled = false;  // weight decay on the parameter (AdamW), not in the gradient
};
// steps: one 0-d tensor per parameter, counted up here.
void adam_step(const std::vector<Tensor>& params, const std::vector<Tensor>& grads,
               const std::vector<Tensor>& exp_avgs, const std::vector<Tensor>& exp_avg_sqs,
               const std::vector<Tensor>& max_exp_avg_sqs, const std::vector<Tensor>& steps,
               const AdamOptions& options);

}  // namespace wg
