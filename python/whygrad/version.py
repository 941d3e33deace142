"""The version that programs ask for: the PyTorch release whose behaviour whygrad follows."""

__version__ = "2.13.0+whygrad"
debug = False
cuda = None
git_version = "whygrad"
hip = None
