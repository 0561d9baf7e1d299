"""Steps between windows and a network.

Here are the channel-wise scaler (`scaler`), the alignment of windows with gravity, which it does first where a recipe
asks for it (`gravity`), the sensors that a model uses or may do without (`sensors`), and perturbations by which to
measure what a model bears (`perturb`).
"""
