"""What must not be lost: assets, networks, keys, nodes, attempts, audit."""
