"""What the Lambda runtime hands to a handler besides the event."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Context:
    """The attributes that Powertools reads."""

    function_name: str = "recloser-FlipState"
    memory_limit_in_mb: int = 256
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:recloser-FlipState"
    aws_request_id: str = "52fdfc07-2182-154f-163f-5f0f9a621d72"
