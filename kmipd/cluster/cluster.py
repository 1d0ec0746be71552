"""The cluster, put together: one process, one directory."""

from __future__ import annotations

from kmipd.cluster import files
from kmipd.cluster.clock import Clock, now
from kmipd.cluster.drives import Drives
from kmipd.cluster.health import Health
from kmipd.cluster.keeper import Keeper, Watch
from kmipd.cluster.keypair import KeyPairs
from kmipd.cluster.keyservers import KeyServers
from kmipd.cluster.kmip.hosts import Hosts
from kmipd.cluster.masterkeys import MasterKeys, Step
from kmipd.cluster.notices import Notices
from kmipd.cluster.providers import Providers
from kmipd.cluster.rekey import Rekeys, no_step
from kmipd.cluster.results import Results
from kmipd.cluster.settings import Settings
from kmipd.cluster.setup import Setup
from kmipd.cluster.store import Store
from kmipd.cluster.volumes import Volumes


class Cluster:
    """A cluster directory, opened. `step` is called at every point where a crash must be survived."""

    def __init__(self, settings: Settings, clock: Clock = now, step: Step = no_step) -> None:
        self.settings = settings
        self.clock = clock
        files.private_directory(settings.directory)
        self._lock = files.DirectoryLock(settings.directory)
        try:
            self.store = Store(settings.database)
        except BaseException:
            self._lock.release()
            raise
        self.notices = Notices(self.store, clock)
        self.keys = MasterKeys(self.store, settings, Hosts(settings.kmip))
        self.setup = Setup(self.store, self.keys, self.notices, clock)
        self.key_pairs = KeyPairs(self.store, settings, self.notices, clock)
        self.key_servers = KeyServers(self.store, self.keys, clock)
        self.providers = Providers(self.store, settings, self.keys)
        self.volumes = Volumes(self.store, settings, self.keys, clock)
        self.rekeys = Rekeys(self.store, self.keys, self.notices, clock, step)
        self.drives = Drives(self.store, self.keys, self.notices, clock, step)
        self.results = Results(self.store)
        self.health = Health(self.store, self.keys, self.notices, clock)
        self.keeper = Keeper(self.store, settings, self.keys, self.notices, self.rekeys, self.drives)
        self.watch = Watch(self.health, settings.fault_interval)

    def start(self) -> None:
        """Begin the work in the background: unlock, resume what was interrupted, watch."""
        self.keeper.start()
        self.watch.start()

    def close(self) -> None:
        self.watch.stop()
        self.keeper.stop()
        self.store.close()
        self._lock.release()
