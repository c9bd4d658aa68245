"""The bridge: one asyncio process between two queues, a function and a disk."""
