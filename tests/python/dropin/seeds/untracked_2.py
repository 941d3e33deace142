import torch

def my_function(untracked_tensor, train_mode=True):
    if train_mode:
        with torch.enable_grad(): #Locally enables gradient tracking
            result = torch.sin(untracked_tensor) * 2
    else:
        with torch.no_grad(): #Locally disables gradient tracking
            result = torch.sin(untracked_tensor) * 2
    return result

# Example usage:
x = torch.randn(10, requires_grad=False)
y_train = my_function(x, train_mode=True)
y_inference = my_function(x, train_mode=False)

# Gradients are calculated only for y_train
y_train.backward()
print(x.grad) # Will print None since x's grad is only calculated when train_mode is True.
