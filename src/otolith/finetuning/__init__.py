"""Training with labels (Section III-E).

Here are the features of a frozen encoder, computed once (`features`), heads on them (`heads`), the training of a head
or of a whole network end to end (`classifier`, by the `updates` that `settings` ask for), and many heads at once, as
few-label experiments need (`parallel_heads`). Windows without a label join them by `unlabelled`, after `self_training`
and `propagation`.
"""
