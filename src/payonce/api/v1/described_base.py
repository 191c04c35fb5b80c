"""What every answer that is described in OpenAPI has in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Described(BaseModel):
    """A shape of an answer; members may be added to it later."""

    model_config = ConfigDict(extra="allow")
