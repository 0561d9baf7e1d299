"""What is trained with labels: features of a frozen encoder, heads, classifiers, many heads at once."""
