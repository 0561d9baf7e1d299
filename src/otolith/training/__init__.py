"""Training without labels, and what every training shares.

Here are the loop that pre-trains every method (`loop`, with its `settings`), the base class of pretext tasks
(`pretext`), the source of scaled windows (`window_source`), optimisers and learning rates (`optim`), the state of a
training, of a classifier too, and its checkpoints (`state`, `checkpoint`), the processes that train together (`ranks`),
and the reasons that end a training (`failures`).
"""
