"""Quality of an import, as a page with pictures."""
