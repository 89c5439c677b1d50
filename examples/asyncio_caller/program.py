"""Asks for the prices of several products at once, outside Lambda: `python program.py PRODUCT...`."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

import httpx

from recloser import CircuitBreaker, CircuitOpen, Process
from recloser.metrics.put_metric_data import CloudWatchPublisher
from recloser.predicates import httpx_failure


class Prices:
    """A client of the price service; one breaker serves all of its tasks.

    Args:
        http: connections to the service.
        breaker: guards them.

    """

    def __init__(self, http: httpx.AsyncClient, breaker: CircuitBreaker) -> None:
        self._http = http
        self._breaker = breaker

    async def price(self, product: str) -> Any:
        """Ask for one price.

        Raises:
            CircuitOpen: the service is left alone.
            httpx.HTTPError: it was asked, and failed.

        """
        async with self._breaker:
            answer = await self._http.get(f"/{product}")
            # A 404 is an answer of a sound service, and a 500 is a failure: see `failure_if_raised`.
            answer.raise_for_status()
            return answer.json()


async def told(prices: Prices, product: str) -> str:
    try:
        return f"{product}: {await prices.price(product)}"
    except CircuitOpen as refused:
        return f"{product}: not now ({refused})"
    except httpx.HTTPError as problem:
        return f"{product}: {problem}"


async def main(products: list[str]) -> None:
    # Standard output is no road to CloudWatch here: a thread puts the metrics, and the rest at the end.
    with CloudWatchPublisher() as publisher:
        breaker = CircuitBreaker(
            os.environ["CIRCUIT"],
            handled_exceptions=httpx.HTTPError,
            failure_if_raised=httpx_failure,
            process=Process(publisher=publisher),
        )
        async with httpx.AsyncClient(base_url=os.environ["PRICES_URL"], timeout=2) as http:
            prices = Prices(http, breaker)
            for line in await asyncio.gather(*(told(prices, product) for product in products)):
                print(line)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
