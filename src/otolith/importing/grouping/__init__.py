"""Grouping of files: which lie together, make up one recording, or are left out."""
