"""The bodies of service 000's answers."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field


class CreditCode(BaseModel):
    """The number under which a credit request is processed."""

    code: int


class SaleCode(BaseModel):
    """The id of a sale's transaction."""

    code: UUID


class Processed(BaseModel):
    """The credit request is accepted or rejected."""

    msg: Literal["done"] = Field(examples=["done"])
