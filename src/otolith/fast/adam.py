"""Adam and AdamW of PyTorch without its compiler, whose import takes more than a second and which nothing here asks.

PyTorch marks methods of its optimisers as not to be compiled, and imports the compiler for it on their first call. The
classes below have the same methods without the marks; updates are the same to the bit.
"""

from __future__ import annotations

import inspect
from typing import Any

import torch


class _Unmarked(torch.optim.Optimizer):
    add_param_group: Any = inspect.unwrap(torch.optim.Optimizer.add_param_group)
    zero_grad: Any = inspect.unwrap(torch.optim.Optimizer.zero_grad)
    state_dict: Any = inspect.unwrap(torch.optim.Optimizer.state_dict)
    load_state_dict: Any = inspect.unwrap(torch.optim.Optimizer.load_state_dict)


class Adam(_Unmarked, torch.optim.Adam):
    """Adam (Kingma and Ba 2015) with the arguments of `torch.optim.Adam`.

    >>> weight = torch.nn.Parameter(torch.ones(1))
    >>> adam = Adam([weight], lr=0.5)
    >>> weight.sum().backward()
    >>> adam.step()
    >>> weight.detach()
    tensor([0.5000])
    """

    step: Any = torch.no_grad()(inspect.unwrap(torch.optim.Adam.step))


class AdamW(_Unmarked, torch.optim.AdamW):
    """AdamW (Loshchilov and Hutter 2019) with the arguments of `torch.optim.AdamW`.

    >>> weight = torch.nn.Parameter(torch.ones(1))
    >>> adam = AdamW([weight], lr=0.5, weight_decay=0.2)
    >>> weight.sum().backward()
    >>> adam.step()
    >>> weight.detach()
    tensor([0.4000])
    """

    step: Any = torch.no_grad()(inspect.unwrap(torch.optim.AdamW.step))
