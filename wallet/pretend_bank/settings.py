"""How the pretend bank behaves: WALLET_PRETEND_BANK_* in its environment."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class PretendBankSettings(BaseSettings):
    """All settings of the pretend bank; times are seconds."""

    model_config = SettingsConfigDict(
        env_prefix="WALLET_PRETEND_BANK_", env_ignore_empty=True, extra="ignore", frozen=True
    )

    delay: float = Field(0.05, ge=0)
    """How long each payment takes. The seeds' bank takes 1 s."""
    faulty: float = Field(0.0, ge=0, le=1)
    """The share of calls that have one of the faults, by chance."""
    seed: int = 0
    """The same seed has the same faults at the same calls of the same keys."""
    knows_keys: bool = True
    """False: `Idempotency-Key` is ignored, as the seeds' bank does; each call pays anew."""
    slow: float = Field(5.0, ge=0)
    """How much longer a slow payment takes."""
    hang: float = Field(60.0, ge=0)
    """How long a call that gets no answer is kept, where the caller does not go before."""
