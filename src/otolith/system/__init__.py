"""What otolith needs of the machine: files, claims on folders, memory, strict JSON, extras, device."""
