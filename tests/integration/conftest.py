"""What tests with real servers share: a ledger with a worker, the gateway in front of it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from schemas.settings import Settings
from tests.apis import Api
from tests.gateways import GatewayProcess, served


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a module's processes write."""
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="module")
def ledger(new_ledger: Callable[..., Settings]) -> Settings:
    """A module's ledger; it has its worker as soon as somebody asks for the gateway."""
    return new_ledger()


@pytest.fixture(scope="module")
def gateway(ledger: Settings, folder: Path) -> Iterator[GatewayProcess]:
    """A gateway of the ledger, which has one worker; in the end all of it is clean."""
    with served(ledger, folder) as made:
        yield made


@pytest.fixture(scope="module")
def api(gateway: GatewayProcess) -> Api:
    """The v1 API of the gateway."""
    return Api(gateway)
