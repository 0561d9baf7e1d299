"""Services of the machine that all rooms use: files and folders that appear whole or not at all (`files`), claims on
folders (`claims`, by the locks of `locking`), reading of strangers' files (`reading`, `strict`), registries, memory,
optional packages, the device for tensors and the place for caches.
"""

import otolith.system.plugins  # noqa: F401  # so that registries know of plug-ins
