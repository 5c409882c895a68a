"""Starting a kernel and seeing it ready, or gone, without looking every tenth of a second."""

import asyncio
import subprocess
import time
import uuid
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import TYPE_CHECKING, Any

from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

if TYPE_CHECKING:
    from jupyter_client.manager import KernelManager

    from analysis.runs.forked_kernel import ForkedKernel

#: Seconds within which a forked kernel opens its sockets.
START_TIMEOUT = 60


class PromptClient(AsyncKernelClient):
    """A client that knows the kernel is ready by the last message of its first request."""

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Return once a request has been answered and its output channel is heard.

        RuntimeError, as jupyter_client's own, when the kernel dies or takes over ``timeout`` s.
        """
        deadline = time.monotonic() + (timeout or float("inf"))
        while not await self._answers():
            if not await self._async_is_alive():
                raise RuntimeError("Kernel died before replying to kernel_info")
            if time.monotonic() > deadline:
                raise RuntimeError(f"Kernel didn't respond in {timeout:.0f} seconds")

    async def _answers(self) -> bool:
        """Whether the kernel answers on both channels; the output one may not be heard at first."""
        request = self.kernel_info()
        try:
            self._handle_kernel_info_reply(await self._async_recv_reply(request, timeout=1))
            while True:
                message = await self.iopub_channel.get_msg(timeout=0.2)
                state = message["content"].get("execution_state")
                if message["parent_header"].get("msg_id") == request and state == "idle":
                    return True
        except (Empty, TimeoutError):
            return False


class PromptProvisioner(LocalProvisioner):
    """Starts the usual kernel process; when killing it, waits until it has gone."""

    process: Any

    async def kill(self, restart: bool = False) -> None:
        await super().kill(restart=restart)
        if self.process is not None:
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(2)


class ForkedProvisioner(PromptProvisioner):
    """Takes the kernel that has been forked, and tells it which connection to serve."""

    forked: "ForkedKernel"

    async def launch_kernel(self, cmd: list[str], **options: Any) -> Any:
        self.forked.serve(cmd[cmd.index("-m") + 2 :])
        self.process = self.forked
        self.pid = self.pgid = self.forked.pid
        self.cwd = options.get("cwd", Path.cwd())
        await self._sockets()
        return self.connection_info

    async def _sockets(self) -> None:
        """Wait until the sockets are there: those that are not are tried again only later."""
        loop, ready = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self.forked.answers, ready.set)
        try:
            with suppress(TimeoutError):  # the client will say so
                await asyncio.wait_for(ready.wait(), START_TIMEOUT)
        finally:
            loop.remove_reader(self.forked.answers)
            self.forked.close()


def provisioner_of(manager: "KernelManager", forked: "ForkedKernel | None") -> LocalProvisioner:
    """The provisioner of ``manager``: of the kernel ``forked``, or of one to be started."""
    kind = PromptProvisioner if forked is None else ForkedProvisioner
    provisioner = kind(kernel_id=str(uuid.uuid4()), kernel_spec=manager.kernel_spec, parent=manager)
    if isinstance(provisioner, ForkedProvisioner):
        assert forked is not None
        provisioner.forked = forked
    return provisioner
