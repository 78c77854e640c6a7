"""Provisioner and device as a program uses them: asyncio on top of the machines of the core."""
