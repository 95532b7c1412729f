"""Statistics over all orders in the API."""

from collections.abc import AsyncIterator
from typing import Self

import strawberry
from strawberry import UNSET

from engine.graphql.cost import sized
from engine.graphql.scalars import Position
from readmodels.order_statistics import ORDER_STATISTICS, OrderStatisticsRow
from schema.context import Info
from schema.figures import MedicineCount, StatusCount, average
from schema.money import USUAL_CURRENCY, MoneyType


@strawberry.type(description="What happened on one day.")
class DayCount:
    day: str = strawberry.field(description="The day in UTC, for example 2030-01-31.")
    orders: int = strawberry.field(description="How many orders were placed.")
    revenue: MoneyType = strawberry.field(
        description="What was paid on that day without what was refunded on it, so it may lie below zero."
    )


@strawberry.type(description="Figures over all orders in one currency.")
class OrderStatistics:
    position: Position = strawberry.field(description="The last event that changed them.")
    total_orders: int = strawberry.field(description="How many were placed.")
    revenue: MoneyType = strawberry.field(description="What those come to that were paid and not refunded.")
    average_order_value: MoneyType = strawberry.field(description="What one of those comes to.")
    orders_by_status: list[StatusCount] = strawberry.field(description="How many stand where.")
    by_day: list[DayCount] = strawberry.field(
        description="Each day on which something happened, the oldest first.", metadata=sized(100)
    )
    top_medicines: list[MedicineCount] = strawberry.field(
        description="The ten of which most were sold.", metadata=sized(10)
    )

    @classmethod
    def of(cls, row: OrderStatisticsRow | None, currency: str) -> Self:
        found = row or OrderStatisticsRow(id=currency)
        return cls(
            position=Position(found.position),
            total_orders=found.total_orders,
            revenue=MoneyType.sum(found.revenue, currency),
            average_order_value=average(found.revenue, found.paid_orders, currency),
            orders_by_status=StatusCount.all(found.by_status),
            by_day=[
                DayCount(day=day, orders=each.orders, revenue=MoneyType.sum(each.revenue, currency))
                for day, each in sorted(found.by_day.items())
            ],
            top_medicines=MedicineCount.top(found.sold),
        )


@strawberry.type
class Query:
    @strawberry.field(description="Figures over all orders. Staff.")
    async def order_statistics(
        self, info: Info, at_least: Position | None = UNSET, currency: str = USUAL_CURRENCY
    ) -> OrderStatistics:
        return OrderStatistics.of(await info.context.row(ORDER_STATISTICS, currency, at_least), currency)


@strawberry.type
class Subscription:
    @strawberry.subscription(description="Figures over all orders as they are now, then each time they change. Staff.")
    async def order_statistics(self, info: Info, currency: str = USUAL_CURRENCY) -> AsyncIterator[OrderStatistics]:
        async for row in info.context.app.views.watch(ORDER_STATISTICS, currency):
            yield OrderStatistics.of(row, currency)
