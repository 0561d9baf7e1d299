"""Containers of files: folders, archives within archives, gzip and workbooks, opened within limits."""
