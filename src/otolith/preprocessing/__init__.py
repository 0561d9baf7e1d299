"""What becomes of windows before a network: scaler, gravity alignment, missing sensors, perturbations to measure by."""
