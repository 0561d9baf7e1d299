"""Whole jobs, from names to a finished folder.

`run` does everything on one data set; `pretrain` and `finetune` are its two halves, each of which leaves a model
folder; `compare` fills the cells of a protocol. `estimate` tells what a job takes before its first step. `folder` holds
what they share: names of folders, the files that say what a folder is of, and refusals. Commands are thin callers.
"""
